"""What crosses a process, for inbound and outbound alike: schemas, codecs, topic names, generated protobuf."""
