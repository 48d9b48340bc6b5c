package parse

import (
	"strings"
	"unicode"

	"cafe/model"
)

// statuses are the words that tills use, beside the café's own. Those of Shopify's
// Financial Status, Square's and Clover's payment states, Lightspeed's sales and Odoo's
// orders are among them.
var statuses = words(map[model.Status]string{
	model.StatusCollected: "closed completed complete done paid paidout captured settled success successful succeeded approved " +
		"fulfilled finished finalized invoiced posted sold sale onaccount onaccountclosed laybyclosed " +
		"partiallyrefunded partlyrefunded",
	model.StatusCancelled: "canceled cancel void voided failed declined expired",
	model.StatusRefunded:  "refund returned return reversed chargedback",
})

// PartlyRefunded are the words of orders whose amounts may be more than was kept.
var PartlyRefunded = WordSet("partiallyrefunded partlyrefunded")

// The words of payment, folded by FoldWord. What is not on the tab was paid at the
// counter, by whatever tender. Tenders are those that need no note.
var (
	OnTab   = WordSet("account onaccount tab houseaccount customeraccount")
	notPaid = WordSet("unpaid open pending due notpaid owed")
	Tenders = WordSet("counter cash card visa mastercard amex americanexpress discover maestro jcb dinersclub unionpay " +
		"debit credit debitcard creditcard contactless chip tap swiped keyed applepay googlepay samsungpay paypal venmo cashapp " +
		"giftcard giftcertificate voucher coupon cheque check banktransfer transfer ec girocard twint ideal bancontact klarna " +
		"stripe sumup square clover toast zettle shopifypayments manual online external other mixed split multiple " +
		"contanti bar karte carte especes tarjeta efectivo mobilepay swish pix qr loyalty points")
)

// The words of events, folded by FoldWord.
var (
	SaleEvents   = WordSet("payment sale sales sold order exchange purchase charge")
	RefundEvents = WordSet("refund refunds refunded return returns returned reversal creditnote chargeback")
	VoidEvents   = WordSet("void voided cancel cancelled canceled cancellation")
)

// discountWords begin the names of rows that take something off.
var discountWords = []string{"discount", "promo", "coupon", "voucher", "rabatt", "remise", "comp", "offer", "sconto", "descuento", "korting"}

// totalWords are what the row of a file's own total is called.
var totalWords = WordSet("total totals grandtotal subtotal sum summe gesamt gesamtsumme totale totaux somme")

func words[T ~string](lists map[T]string) map[string]T {
	all := make(map[string]T)
	for value, list := range lists {
		for word := range strings.FieldsSeq(list) {
			all[word] = value
		}
	}
	return all
}

// StatusOf reads a status in the café's words or a till's.
func StatusOf(cell string) (value, reason string) {
	word := FoldWord(cell)
	if s := model.Status(word); s.Valid() {
		return string(s), ""
	}
	if s, ok := statuses[word]; ok {
		return string(s), ""
	}
	names := make([]string, len(model.Statuses))
	for i, s := range model.Statuses {
		names[i] = string(s)
	}
	return "", "is not one of " + strings.Join(names, ", ") + ", nor a word such as closed or void"
}

// PaymentOf reads how an order was paid: on the tab, or by a tender at the counter.
func PaymentOf(cell string) (value, reason string) {
	switch word := FoldWord(cell); {
	case OnTab[word]:
		return string(model.TermsAccount), ""
	case notPaid[word]:
		return "", "is not account, counter or a tender such as cash"
	}
	return string(model.TermsCounter), ""
}

// YesOrNo reads a truth value.
func YesOrNo(cell string) (yes, ok bool) {
	switch FoldWord(cell) {
	case "true", "yes", "y", "1", "x", "void", "voided", "refunded":
		return true, true
	case "", "false", "no", "n", "0":
		return false, true
	}
	return false, false
}

// IsDiscount reports whether the name of a row says that it takes something off.
func IsDiscount(folded string) bool {
	for _, word := range discountWords {
		if strings.HasPrefix(folded, word) {
			return true
		}
	}
	return false
}

// IsTotal reports whether the cell names a total.
func IsTotal(cell string) bool {
	first, _, _ := strings.Cut(strings.ToLower(strings.TrimRight(cell, ":* ")), " ")
	return totalWords[FoldWord(cell)] || totalWords[strings.TrimRight(first, ":")]
}

// moneyWords are words in the names of columns that may hold money, a void or a refund.
// A column of such a name that is not read is worth a note, unless one of idleWords is
// in its name, too.
var (
	moneyWords = WordSet("price prices amount amounts total totals subtotal sales revenue gross net discount discounts discnt " +
		"tax taxes vat tip tips gratuity fee fees charge charges refund refunds refunded return returns returned " +
		"void voids voided cancel cancelled canceled comp comps comped")
	idleWords = WordSet("cost profit margin rate exempt inclusion taxable category compare reason type id by name code currency option")
)

// LooksLikeMoney reports whether a column of the name may hold money, a void or a refund.
func LooksLikeMoney(name string) bool {
	found := false
	var before rune
	spaced := strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return ' '
		}
		return r
	}, name)
	var b strings.Builder
	for _, r := range spaced {
		if unicode.IsLower(before) && unicode.IsUpper(r) { // netSales
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
		before = r
	}
	for word := range strings.FieldsSeq(b.String()) {
		if idleWords[word] {
			return false
		}
		found = found || moneyWords[word]
	}
	return found
}
