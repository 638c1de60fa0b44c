"""The kinds of jobs that the trainer stores."""

DATASET = "dataset"
TRAINING = "training"
