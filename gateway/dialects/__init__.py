"""The protocols that applications speak, one folder each: schemas, translate, routes."""
