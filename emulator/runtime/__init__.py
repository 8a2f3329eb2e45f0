"""The small REST services beside the control plane; SageMaker Runtime first."""
