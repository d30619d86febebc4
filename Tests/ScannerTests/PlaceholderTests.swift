import Testing

@Suite struct PlaceholderScannerTests {}
