"""The demonstration: the main job from end to end, with generated people, in one command."""
