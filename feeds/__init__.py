"""The watch: telegrams of the JMA and other machines, read and turned into bulletins."""
