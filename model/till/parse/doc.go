// Package parse reads the cells of tills' files: amounts, quantities, dates, times of
// day, and the words of statuses and tenders. It also makes names comparable.
package parse
