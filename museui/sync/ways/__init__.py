"""The ways of pushing: as one bundle, as one stream, or object by object."""
