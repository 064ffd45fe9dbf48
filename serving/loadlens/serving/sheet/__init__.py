"""What a supplier is shown of his load: the printed ticket, and the page behind its link."""
