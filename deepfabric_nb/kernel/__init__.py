"""What we ask of the kernel: a thread for the engine, interrupts that stop it, messages while a cell runs."""
