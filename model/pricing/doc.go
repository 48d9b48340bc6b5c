// Package pricing is the one place that reckons what an order costs: discounts,
// charges, taxes and tip. Quotes, orders, amendments and refunds all go through it.
//
// A Document says how the café prices. New checks it and makes a Tariff of it, which
// prices drafts. What comes out is a Bill. A Record is what an order keeps of its
// bill; a Quote is a bill that a customer may come back with.
//
// The steps, each exact until the rounding it names:
//
//  1. A line is quantity × (price + options).
//  2. Discounts: percents of lines, percents of the order, amounts of lines, amounts of
//     the order; each on what is left, never below nothing. A percent is rounded once.
//     What a discount takes is spread over its lines in proportion to what is left of
//     them: each gets its share rounded down, and the units left over go to the largest
//     remainders, then to the earlier line.
//  3. Charges are percents of the discounted lines, each rounded once.
//  4. Taxes: of an amount with inclusive rates r₁…rₙ, tax i is amount × rᵢ ÷ (1 + Σr),
//     whether tax i is itself inclusive or additive. Each tax is summed exactly, rounded
//     once, and spread over its lines and charges by their exact shares in the same way.
//  5. The total is lines − discounts + charges + additive taxes + tip.
//
// The order of the first four discounts is Square's ("Order Discounts",
// developer.squareup.com/docs/orders-api/discounts); one rounding per tax is Japan's
// qualified invoices'. docs/pricing.md has examples by country and tells where other
// systems differ.
package pricing
