"""Everything that leaves: released bulletins and letters by mail, and the archive site."""
