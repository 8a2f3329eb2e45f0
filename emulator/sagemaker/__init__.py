"""SageMaker's nouns: one folder for each that runs, one table of their operations."""
