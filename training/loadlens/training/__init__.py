"""How the model is made: recipes, one training loop, evaluation, calibration, export."""
