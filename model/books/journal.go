package books

import (
	"strconv"

	"cafe/model"
)

// Row is one line of the journal. Either Debit or Credit is above 0, and the other is 0. The
// rows of one Entry balance: their debits add up to their credits.
type Row struct {
	Date   model.Day   `json:"date"`  // when it is booked: the day itself, or the day whose close carries it
	Close  int64       `json:"close"` // the number of the close; 0: the day is open, and may change
	Of     model.Day   `json:"of"`    // the business day that it is about
	Entry  string      `json:"entry"` // what its rows have in common: Date and Of
	Kind   Kind        `json:"kind"`
	ID     string      `json:"id"`     // of a tax, or the method of a tender; else empty
	Name   string      `json:"name"`   // in words: "Sales", "VAT 20%", "Cash"
	Net    model.Money `json:"net"`    // of a tax: what it was reckoned on; else 0
	Debit  model.Money `json:"debit"`  // in minor units
	Credit model.Money `json:"credit"` // in minor units
}

// Kind says what a row is about.
type Kind string

// The kinds of rows. Sales, taxes and tips are credits, refunds and tenders are debits; what
// is below 0 is on the other side.
const (
	KindSales   Kind = "sales"   // without taxes and tips, before refunds
	KindRefunds Kind = "refunds" // without taxes
	KindTax     Kind = "tax"     // one row a tax and rate, refunds taken off
	KindTips    Kind = "tips"
	KindTender  Kind = "tender" // one row a method; account is what customers owe more
)

// names are the rows' names in words, by method.
var names = map[model.Method]string{
	model.MethodCash: "Cash", model.MethodCard: "Card", model.MethodVoucher: "Vouchers", model.MethodOther: "Other payments",
	model.TenderAccount: "Customer tabs", model.TenderUnsaid: "Counter takings", model.TenderUnpaid: "Unpaid orders", model.TenderRounding: "Cash rounding",
}

// Journal returns the rows of a close, or of an open day as it stands: first its own, then
// those of each day that it carries.
func Journal(c Close) []Row {
	rows := rowsOf(c, c.Day, c.Sums)
	for _, carried := range c.Carried {
		rows = append(rows, rowsOf(c, carried.Day, carried.Sums)...)
	}
	return rows
}

func rowsOf(c Close, of model.Day, s Sums) (rows []Row) {
	add := func(kind Kind, id, name string, net, credit model.Money) {
		if credit == 0 {
			return
		}
		row := Row{Date: c.Day, Close: c.Number, Of: of, Entry: string(c.Day), Kind: kind, ID: id, Name: name, Net: net, Credit: credit}
		if of != c.Day {
			row.Entry += " of " + string(of)
		}
		if credit < 0 {
			row.Debit, row.Credit = -credit, 0
		}
		rows = append(rows, row)
	}
	refunds := s.Refunds - s.RefundTaxes
	add(KindSales, "", "Sales", 0, s.Net+refunds)
	add(KindRefunds, "", "Refunds", 0, -refunds)
	for _, t := range s.Taxes {
		add(KindTax, t.ID, t.Label(), t.Net, t.Amount)
	}
	add(KindTips, "", "Tips", 0, s.Tips)
	for _, t := range s.Tenders {
		name := names[t.Method]
		if name == "" {
			name = string(t.Method)
		}
		add(KindTender, string(t.Method), name, 0, -t.Amount)
	}
	return rows
}

// Preset is a form of the journal that a bookkeeping program imports as it is.
type Preset string

// The presets. PresetNone is the journal's own form.
const (
	PresetNone       Preset = ""
	PresetXero       Preset = "xero"
	PresetQuickBooks Preset = "quickbooks"
)

// Valid reports whether there is such a preset.
func (p Preset) Valid() bool { return p == PresetNone || p == PresetXero || p == PresetQuickBooks }

// JournalCSV returns the rows as CSV.
//
// PresetXero is the template for manual journals of Xero ("Enter multiple manual journals
// using an import template", help.xero.com): debits are above 0 and credits below. The account
// code is the row's name, and is to be replaced by the code in the chart of accounts; no tax is
// reckoned by Xero, since the journal has the taxes.
//
// PresetQuickBooks is the file of QuickBooks Online ("Import journal entries",
// quickbooks.intuit.com): accounts go by their names, dates are MM/DD/YYYY.
func JournalCSV(rows []Row, preset Preset, currency string) []byte {
	var t Table
	blank := func(m model.Money) string {
		if m == 0 {
			return ""
		}
		return Decimal(m, currency)
	}
	about := func(r Row) string {
		text := "Café sales " + string(r.Of)
		switch {
		case r.Of != r.Date:
			text += ", carried by close " + strconv.FormatInt(r.Close, 10)
		case r.Close > 0:
			text += ", close " + strconv.FormatInt(r.Close, 10)
		default:
			text += ", not closed"
		}
		return text
	}
	switch preset {
	case PresetXero:
		t.Row("*Narration", "*Date", "Description", "*AccountCode", "*TaxRate", "*Amount", "TrackingName1", "TrackingOption1", "TrackingName2", "TrackingOption2")
		for _, r := range rows {
			t.Text(about(r)).Cell(r.Date.Format("02/01/2006")).Text(r.Name).Text(r.Name).Cell("Tax Exempt").Cell(Decimal(r.Debit-r.Credit, currency)).Row("", "", "", "")
		}
	case PresetQuickBooks:
		t.Row("Journal No", "Journal Date", "Account Name", "Description", "Debits", "Credits", "Currency")
		for _, r := range rows {
			t.Cell(r.Entry).Cell(r.Date.Format("01/02/2006")).Text(r.Name).Text(about(r)).Cell(blank(r.Debit)).Cell(blank(r.Credit)).Row(currency)
		}
	default:
		t.Row("date", "close", "of", "entry", "kind", "id", "name", "net", "debit", "credit", "currency")
		for _, r := range rows {
			number := ""
			if r.Close > 0 {
				number = strconv.FormatInt(r.Close, 10)
			}
			t.Cell(string(r.Date)).Cell(number).Cell(string(r.Of)).Cell(r.Entry).Cell(string(r.Kind)).Text(r.ID).Text(r.Name).
				Cell(blank(r.Net)).Cell(blank(r.Debit)).Cell(blank(r.Credit)).Row(currency)
		}
	}
	return t.Bytes()
}
