import Testing

@Suite struct PlaceholderFilterTests {}
