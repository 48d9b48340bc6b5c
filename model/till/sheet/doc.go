// Package sheet reads the rows of CSV files that may be large, packed and broken, and
// sorts records in bounded memory. It knows nothing of what the rows say.
package sheet
