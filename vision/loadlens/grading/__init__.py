"""How a yard judges a load: standards, composition, deduction, assessment. Rules only, standard library only."""
