"""Where images lie: from the planes of frames to one grid of voxels, or the exact reason why there is none."""
