"""Regular expressions in linear time: RE2, handed to the rule language by bootstrap."""
