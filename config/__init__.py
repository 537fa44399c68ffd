"""What a program needs before it can work: settings, catalogue, letters, clock, start and stop."""
