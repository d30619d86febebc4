import Testing

@Suite struct PlaceholderArchivesTests {}
