// Package till reads the files that a café uploads: the sales of its till, a stock
// count, a menu. A wrong cell costs one order and no more, and nothing is lost in
// silence.
//
// A file is read in two passes. ReadOrders, ReadStock and ReadMenu go through all of
// it. A file that is no good as a whole is refused as a FileError before anything of
// it was taken. Then File.All yields the orders, counts or items, each either good or
// with its Problems. In between, the rows are sorted in files that the caller provides
// (Rules.Scratch). So memory does not grow with the file. File.Summary says at the end
// what was read: totals by day, the columns read and not read, and notes.
//
// # What a file may look like
//
// Lines end with LF, CRLF or CR. The header may come after title lines and after
// Excel's "sep=;" line. Cells are separated by commas, or by the semicolons, tabs or
// bars of the header. A row that is the file's own total is passed over and noted.
//
// Column names are matched without regard to case, spaces and underscores. Several
// columns may tell the same thing; in each row the first of them that has a value
// counts. columns.go lists the names, and the exports of tills that have them.
//
// # What is one order
//
// The rows of one source, outlet, calendar date and order id are one order. Rows of
// one id more than an hour apart are two sales: tills count from 1 again, and two tills
// may share a roll of numbers. The later ones carry their time in their identity.
//
// A row whose date cannot be read goes with the rows of its id and outlet that stand
// next to it, else with the only order of that id in the file, else it stands alone. An
// order with a bad row is rejected whole, and the bad row of one order costs no other.
//
// # What a row was charged
//
// An amount is what was really charged for the row, and it wins. Without one, the row
// was charged its gross amount less its discount. Without either, it was charged its
// quantity × unit price less its discount; the unit price is the menu's if the file has
// none. So a discount column changes an order's total only where no amount is given.
// Tax and tip never change it: they are read into Order.Tax and Order.Tip.
//
// A negative row is a return or a discount. A negative row whose item is not on the
// menu is a discount of its order: it is spread over the order's lines in proportion to
// their totals (largest remainder, then the earlier line). An order of negative rows
// only is a refund on its day.
//
// A quantity with decimals was sold by weight. Its amount is exact, and it counts as one
// unit.
//
// # Dates and times
//
// A date may be written 2016-10-30 (or with / or . or nothing between), 30.10.2016,
// 30 Oct 2016 or Oct 30, 2016. A date such as 28/07/2019 can be read in one way only,
// and is. 03/04/2016 could be in March or in April. It is refused, unless Rules.Dates
// says what the café's till means. Years of two digits are 1970 to 2069.
//
// A time is 9:58, 09:58:11, 09:58:11.25 or 9:58 PM, with or without an offset. Without
// one it is the clock on the café's wall. An hour that happens twice is taken as its
// first. A time that the clock skips counts from before the clock was put forward (RFC
// 5545, section 3.3.5). An order whose rows differ in time is of the earliest.
//
// # What is the same order
//
// Order.Fingerprint is of what the file says, and of nothing that the café can change
// in between: neither menu prices, nor SKUs, nor Rules.Payment. Different spellings of
// one value are made alike. Rows in another order, other line ends, packing, file names,
// columns that do not count (tax and tip are two) and rows that are passed over make no
// difference. A file that an earlier version of this package read in the same sense has
// the same fingerprints still.
//
// # Rejects and formulas
//
// The rejects file has the columns and cells of the upload, and a reason. A cell that a
// spreadsheet would run as a formula is written with an apostrophe in front, as OWASP
// advises ("CSV Injection"). Such a cell starts with =, +, -, @, tab or carriage return
// and is no plain number. A file that has a reason column is known to be an earlier
// rejects file, and loses that apostrophe again when it is read. So a mended file goes in
// as if it had never been out.
package till
