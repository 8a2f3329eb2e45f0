"""Training jobs: CreateTrainingJob and what follows from it."""
