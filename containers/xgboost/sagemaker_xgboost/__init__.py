"""The built-in XGBoost algorithm: training and serving as SageMaker's own image does them.

The behaviour follows AWS's public container (aws/sagemaker-xgboost-container) in algorithm mode, version 3.0-5.
"""
