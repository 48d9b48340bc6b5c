package presign

// For the tests outside of the package: links of any time.
var New = newLinks
