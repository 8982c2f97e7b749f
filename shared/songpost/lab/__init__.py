"""What runs on a laptop and never in the layer: the sandbox, the simulator, replay, evaluation, reports."""
