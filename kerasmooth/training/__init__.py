"""Training: one frozen configuration, the loop, checkpoints that continue exactly, and the run folder."""
