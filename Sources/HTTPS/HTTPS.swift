/// HTTPS: one small client over libcurl, for the policies that other domains publish. It does GET and nothing else: no redirects, no
/// proxies, no other protocols, no cookies, no compression; certificates are verified always. Where a host is, the caller says.
