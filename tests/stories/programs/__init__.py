"""Programs that run in the environments of the parts; none imports mockllm."""
