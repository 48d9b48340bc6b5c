package till

// field is something a row tells, by whatever name its column has.
type field int

const (
	fieldOrder field = iota
	fieldOrderedAt
	fieldDate
	fieldTime
	fieldItem
	fieldQuantity
	fieldUnitPrice
	fieldAmount
	fieldGross // the amount before discounts
	fieldDiscount
	fieldTax
	fieldTip
	fieldGoods // of the whole order: what was charged for its goods
	fieldCustomer
	fieldPayment
	fieldStatus
	fieldEvent // sale or refund
	fieldVoid
	fieldLineType
	fieldOutlet
	fieldSKU
	fieldOnHand
	fieldName
	fieldCategory
	fieldTaxClass
	fieldPrice
	fieldCounted
	fieldActive
	fieldOptions
	fields
)

// things names the fields for people.
var things = [fields]string{
	"order id", "time", "date", "time of day", "item", "quantity", "unit price", "amount", "amount before discounts",
	"discount", "tax", "tip", "order's amount", "customer", "payment", "status", "event", "void", "kind of row", "outlet",
	"sku", "on hand", "name", "category", "tax class", "price", "counted", "active", "options",
}

// layout says which columns a kind of file may have. Of several names for one field the
// first listed that has a value counts.
type layout struct {
	kind  string // "An orders file"
	names names
	// more are further names that tills use. They come after names. A column of such a
	// name that is there twice is not read.
	more  names
	tills []dialect
	needs []need
}

// names are those of the columns of each field.
type names [fields][]string

// need is something that a file of the kind cannot do without: all the fields of one
// of the ways to tell it.
type need struct {
	what string
	ways [][]field
	says string // the names to choose from
}

// dialect is the names that count only in the exports of one till, since other tills
// mean other things by them.
type dialect struct {
	sign  []string // the columns that a file of this till has
	names names
	// fillDown says that a row without an order id belongs to the order above.
	fillDown bool
}

// orderLayout reads the contract's names, and the names of exports as they are:
//
// Square, item details: Date, Time, …, Item, Qty, Price Point Name, SKU, Modifiers
// Applied, Gross Sales, Discounts, Net Sales, Tax, Transaction ID, Payment ID, …, Event
// Type (Payment or Refund), Location, …, Customer ID. The header is in public test data
// of several importers, among them "Confirmed, full header row (35 columns, exports
// dated July–Aug 2026)". Amounts are written $8.00 and -$0.60.
//
// Loyverse, receipts by item: Date (day and time), Receipt number, Receipt type (Sale
// or Refund), Category, SKU, Item, Variant, Modifiers applied, Quantity, Gross sales,
// Discounts, Net sales, Cost of goods, Gross profit, Taxes, …, Status (Closed). The
// header is in public test data of importers. "Net Sales = Gross Sales - Discounts -
// Refunds" (help.loyverse.com, "Sales Summary Report in the Back Office").
var orderLayout = layout{
	kind: "An orders file",
	names: names{
		fieldOrder:     {"order_id", "transaction_id", "transaction", "receipt", "ticket_number", "order"},
		fieldOrderedAt: {"ordered_at"},
		fieldDate:      {"date", "transaction_date"},
		fieldTime:      {"time", "transaction_time"},
		fieldItem:      {"sku", "item", "product_id", "article"},
		fieldQuantity:  {"quantity", "qty", "transaction_qty"},
		fieldUnitPrice: {"unit_price"},
		fieldAmount:    {"amount", "line_item_amount", "line_total"},
		fieldCustomer:  {"customer_id"},
		fieldPayment:   {"payment"},
		fieldStatus:    {"status"},
		fieldOutlet:    {"outlet", "sales_outlet_id", "store_id"},
	},
	more: names{
		fieldOrder:     {"receipt_number", "receipt_no", "order_number", "order_no", "transaction_number", "ticket", "sale_id"},
		fieldDate:      {"order_date", "sale_date", "created_at", "date_time"},
		fieldTime:      {"order_time", "sale_time"},
		fieldItem:      {"item_name", "menu_item", "product", "product_name"},
		fieldUnitPrice: {"price_each"},
		fieldAmount:    {"net_sales", "net_amount"},
		fieldGross:     {"gross_sales", "gross_amount"},
		fieldDiscount:  {"discount", "discounts"},
		fieldTax:       {"tax", "taxes", "tax_amount", "sales_tax", "vat", "vat_amount"},
		fieldTip:       {"tip", "tips", "tip_amount", "gratuity"},
		fieldPayment:   {"payment_method", "payment_type", "tender", "tender_type"},
		fieldStatus:    {"order_status", "financial_status", "payment_state"},
		fieldEvent:     {"event_type", "receipt_type", "transaction_type"},
		fieldVoid:      {"void", "void?", "voided", "voided?", "is_void", "is_voided"},
	},
	tills: []dialect{
		// Toast, ItemSelectionDetails.csv: Location, Order Id, Order #, Sent Date, Order
		// Date (10/8/26 5:17 PM), Check Id, …, SKU, PLU, Menu Item, …, Gross Price, Discount,
		// Net Price, Qty, Tax, Void?, … (public test data of importers;
		// doc.toasttab.com, "Data export field reference").
		{
			sign: []string{"menu_item", "net_price"},
			names: names{
				fieldDate: {"sent_date"}, fieldAmount: {"net_price"}, fieldGross: {"gross_price"}, fieldDiscount: {"discnt"},
			},
		},
		// Shopify, orders: Name (#1001), Email, Financial Status, Paid at, …, Subtotal,
		// Shipping, Taxes, Total, Discount Code, Discount Amount, …, Created at, Lineitem
		// quantity, Lineitem name, Lineitem price, …, Lineitem sku, …, Lineitem discount. What
		// is of the order stands in its first row (docs.xbp.app, "Shopify order export
		// format"). Subtotal is the goods after discounts, "before shipping/tax".
		{
			sign: []string{"lineitem_name", "lineitem_quantity"},
			names: names{
				fieldOrder: {"name"}, fieldItem: {"lineitem_sku", "lineitem_name"}, fieldQuantity: {"lineitem_quantity"},
				fieldUnitPrice: {"lineitem_price"}, fieldDiscount: {"lineitem_discount"}, fieldGoods: {"subtotal"},
			},
		},
		// Lightspeed X-Series (once Vend), sales history: Date, Receipt Number, Line Type,
		// Customer Code, Customer Name, Note, Quantity, Subtotal, Sales Tax, Discount,
		// Loyalty, Total, Paid, Details, Register, User, Status, Sku, … (these columns in a
		// public importer's schema). Only its rows "Sale Line" are items; a row "Sale" and a
		// row "Payment" stand with them.
		{
			sign: []string{"line_type", "receipt_number"},
			names: names{
				fieldLineType: {"line_type"}, fieldItem: {"details"}, fieldAmount: {"total"}, fieldGross: {"subtotal"},
			},
		},
		// SumUp, sales report: Account, Date (15.03.23), Time (11:53), Type (Sales or Refund),
		// Transaction ID, Receipt Number, Payment Method, Quantity, Description, Currency,
		// Price (Gross), Price (Net), Tax, Tax rate, Transaction refunded. The prices are the
		// row's (github.com/ursjoss/lola-sumup).
		{
			sign:  []string{"price_(gross)", "description"},
			names: names{fieldItem: {"description"}, fieldAmount: {"price_(gross)"}, fieldEvent: {"type"}},
		},
		// Clover, line items: Line Item Date, Order ID, Item Name, …, Total Revenue, Total
		// Discount, Item Total with Tax/Fee Amount (columns that a public analysis of the
		// export reads). Revenue is before discounts.
		{
			sign: []string{"line_item_date", "item_name"},
			names: names{
				fieldDate: {"line_item_date"}, fieldGross: {"total_revenue", "item_revenue"}, fieldDiscount: {"total_discount"},
				fieldTax: {"tax/fee_amount"}, fieldStatus: {"order_payment_state"}, fieldVoid: {"refunded"},
			},
		},
		// Odoo, lines of point-of-sale orders. The labels are Quantity, Unit Price, Discount
		// (%), Subtotal w/o Tax, Subtotal (with tax) and, of the order, Order Ref, Receipt
		// Number and Date (documentation.invantive.com, "Point of Sale Order Lines" and
		// "Point of Sale Orders"). Exported as a list of orders, the lines' labels start with
		// "Order Lines/", and what is of the order stands in its first row only.
		{
			sign:     []string{"order_lines/product", "order_lines/quantity"},
			fillDown: true,
			names: names{
				fieldOrder: {"order_ref"}, fieldItem: {"order_lines/product"}, fieldQuantity: {"order_lines/quantity"},
				fieldUnitPrice: {"order_lines/unit_price"}, fieldAmount: {"order_lines/subtotal"},
			},
		},
		{
			sign:  []string{"product", "subtotal_w/o_tax"},
			names: names{fieldOrder: {"order_ref"}, fieldDate: {"created_on"}, fieldAmount: {"subtotal"}},
		},
	},
	needs: []need{
		{"the order id", [][]field{{fieldOrder}}, "order_id, transaction_id, transaction, receipt, ticket_number or order"},
		{"the time", [][]field{{fieldOrderedAt}, {fieldDate}}, "ordered_at, or date with time"},
		{"the item", [][]field{{fieldItem}}, "sku, item, product_id or article"},
	},
}
