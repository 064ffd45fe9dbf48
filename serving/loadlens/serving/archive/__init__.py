"""What a site has seen, as files that other programs read, and graded again on one machine or many."""
