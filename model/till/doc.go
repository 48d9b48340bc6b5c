// Package till reads the files that a café uploads: the sales of its till, a stock
// count, a menu. It is what keeps a wrong cell from costing more than one order.
//
// A file is read in two passes. ReadOrders, ReadStock or ReadMenu goes through all of
// it, so a file that is no good as a whole (empty, binary, without the columns it
// needs, damaged or too large once unpacked) is refused as a FileError before
// anything of it was taken. Then File.All yields the orders (or counts, or items),
// each either good or with its Problems. Rows between the passes are sorted outside
// of memory, in files that the caller provides (Rules.Scratch), so memory does not
// grow with the file, wherever in it the rows of one order stand.
//
// # What counts as one order
//
// The rows of one source, outlet, calendar date and order id. A row whose date cannot
// be read is taken to be of the order with its id and outlet that stands next to it
// in the file, else of the only one in the file; else it stands alone. So an order
// with a bad row is rejected whole, and the bad row of one order costs no other.
//
// # Dates and times
//
// A date may be written 2016-10-30 (or with / or . or nothing between), 30.10.2016,
// 30 Oct 2016 or Oct 30, 2016. Whether 03/04/2016 is in March or in April nobody can
// tell from the cell; guessing by the other rows would take yesterday's file on one
// day of the month and refuse it on another. So it is refused, unless Rules.Dates
// says what the café's till means. A time is 9:58, 09:58:11, 09:58:11.25 or 9:58 PM,
// with or without an offset. Without one it is the clock on the café's wall: an hour
// that happens twice is taken as its first, and a time that the clock skips as if it
// had not yet been put forward (RFC 5545, section 3.3.5). An order whose rows differ
// in time is of the earliest.
//
// # What is the same order
//
// Order.Fingerprint goes over what the file says and over nothing that the café could
// change meanwhile: the cells that count, with different spellings of one value made
// alike, and neither menu prices nor SKUs. Rows in another order, other line endings,
// packing, file names, columns that do not count and rows that are skipped make no
// difference.
//
// # Rejects and formulas
//
// The rejects file has the columns and cells of the upload, and a reason. A cell that
// a spreadsheet would run as a formula (it starts with =, +, -, @, tab or carriage
// return and is no plain number) is written with an apostrophe in front, as OWASP
// advises; a file that has a reason column is known to be an earlier rejects file,
// and loses that apostrophe again when it is read. So a mended file goes in as if it
// had never been out, and nobody is attacked by opening it. On the way in a formula
// is text like any other.
package till
