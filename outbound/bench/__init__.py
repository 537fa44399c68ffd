"""Measures the sending half on this machine, as it runs in a town: `hansho bench deliver`."""
