package finapitest

import (
	"fmt"
	"sync"

	"github.com/shopspring/decimal"
)

// party is somebody on the other side of a booking.
type party struct {
	name, iban, bic, bank string
	number                int // as a customer
}

func german(blz, account string) string { return makeIBAN("DE", blz+account) }
func swiss(clearing, account string) string {
	return makeIBAN("CH", clearing+account)
}

var customers = sync.OnceValue(func() []party {
	return []party{
		{name: "Bäckerei Krüger e.K.", iban: german("99051111", "0008814001"), bic: "BEISDE01XXX", bank: "Volksbank Beispielland", number: 4711},
		{name: "Weißhaupt Maschinenbau GmbH & Co. KG", iban: german("99052222", "0044120078"), bic: "BEISDE02XXX", bank: "Commerz-Beispielbank", number: 4712},
		{name: "Öko-Hof Grünfelder", iban: german("99053333", "0000271828"), bic: "BEISDE03XXX", bank: "Raiffeisenbank Musterland", number: 4720},
		{name: "Praxis Dr. med. Jürgen Möllers", iban: german("99054444", "0031415926"), bic: "BEISDE04XXX", bank: "Ärztebank Muster", number: 4733},
		{name: "Hausverwaltung Süd – Ihr Partner", iban: german("99051111", "0500600700"), bic: "BEISDE01XXX", bank: "Volksbank Beispielland", number: 4741},
		{name: "Café Éclair Inh. Zoë Lefèvre", iban: german("99055555", "0017171717"), bic: "BEISDE05XXX", bank: "Direktbank Beispiel", number: 4768},
	}
})

var suppliers = sync.OnceValue(func() []party {
	return []party{
		{name: "Büro Schäfer Handels GmbH", iban: german("99056666", "0123450001"), bic: "BEISDE06XXX", bank: "Kreissparkasse Muster"},
		{name: "Elektro Nußbaum", iban: german("99051111", "0098700012"), bic: "BEISDE01XXX", bank: "Volksbank Beispielland"},
		{name: "Spedition Hölzl & Söhne", iban: german("99052222", "0700800900"), bic: "BEISDE02XXX", bank: "Commerz-Beispielbank"},
		{name: "Steuerberatung Dr. Fröhlich", iban: german("99057777", "0033445566"), bic: "BEISDE07XXX", bank: "Apotheker-Beispielbank"},
	}
})

var swissCustomers = sync.OnceValue(func() []party {
	return []party{
		{name: "Käserei Aebersold AG", iban: swiss("30901", "000123456780"), bank: "Musterbank Zürich"},
		{name: "Garage Zürcher & Cie", iban: swiss("30902", "000987654321"), bank: "Kantonalbank Beispiel"},
		{name: "Hôtel du Lac Genève SA", iban: swiss("30903", "000555000111"), bank: "Banque du Léman Modèle"},
	}
})

// transferIn is a customer who pays an invoice.
func (p *page) transferIn(i int) Booking {
	c := pick(p, customers())
	b := Booking{
		Amount:              cents(p.between(12_000, 390_000)),
		Currency:            "EUR",
		Purpose:             fmt.Sprintf("RE %d-%04d KD %d", p.noon.Year(), p.noon.YearDay()*3+i, c.number),
		CounterpartName:     c.name,
		CounterpartIBAN:     c.iban,
		CounterpartBIC:      c.bic,
		CounterpartBankName: c.bank,
		Type:                "Gutschrift",
		TypeCodeZKA:         "166",
		TypeCodeSWIFT:       "TRF",
	}
	switch p.rnd.IntN(3) { // banks differ in how they say that there is none
	case 0:
		b.EndToEndReference = fmt.Sprintf("RE%d%04d", p.noon.Year(), p.noon.YearDay()*3+i)
	case 1:
		b.EndToEndReference = "NOTPROVIDED"
	}
	if p.chance(5) {
		b.Purpose = "Sammelzahlung Rechnungen " + b.Purpose + ", abzüglich 2 % Skonto gemäß Vereinbarung vom " +
			p.noon.Format("02.01.2006") + "; Überweisung im Auftrag der Muttergesellschaft, Kostenstelle 40-117/B, " +
			"bitte Gutschrift für Retoure Nr. 88123 (3 Paletten, beschädigt) gesondert ausweisen"
	}
	return b
}

// transferOut is an invoice of a supplier.
func (p *page) transferOut() Booking {
	s := pick(p, suppliers())
	return Booking{
		Amount:              cents(-p.between(4_900, 260_000)),
		Currency:            "EUR",
		Purpose:             fmt.Sprintf("Rechnung %d vom %s", 30000+p.date.number()*7%9000, p.noon.AddDate(0, 0, -11).Format("02.01.2006")),
		CounterpartName:     s.name,
		CounterpartIBAN:     s.iban,
		CounterpartBIC:      s.bic,
		CounterpartBankName: s.bank,
		EndToEndReference:   fmt.Sprintf("SEE-%s-%02d", p.noon.Format("20060102"), p.rnd.IntN(90)+10),
		Type:                "Überweisungsauftrag",
		TypeCodeZKA:         "177",
	}
}

func cardPayment(amount decimal.Decimal, currency, shop string) Booking {
	return Booking{
		Amount:          amount,
		Currency:        currency,
		Purpose:         shop,
		CounterpartName: shop,
		Type:            "Kartenzahlung",
		TypeCodeZKA:     "106",
	}
}

func (p *page) germanCard() Booking {
	shop := pick(p, []string{"REWE MARKT KÖLN", "ARAL TANKSTELLE 0457", "DB VERTRIEB GMBH", "OBI BAUMARKT SÜD", "BÄCKEREI KAMPS FIL. 12"})
	return cardPayment(cents(-p.between(390, 12_800)), "EUR", shop)
}

func (p *page) swissCard() Booking {
	shop := pick(p, []string{"MIGROS ZÜRICH HB", "COOP-2241 BÜLACH", "SBB EASYRIDE", "VOLG NIEDERGLATT", "KIOSK 12445 WÄDENSWIL"})
	return cardPayment(cents(-p.between(280, 9_900)), "CHF", shop)
}

// subscription is a card payment in dollars, now and then made in another
// currency.
func (p *page) subscription() Booking {
	shop := pick(p, []string{"AWS EMEA SARL", "GITHUB, INC.", "FIGMA MONTHLY", "OPENSTREETHOST LTD"})
	b := cardPayment(cents(-p.between(700, 14_900)), "", shop) // no currency: the account's
	if p.chance(20) {
		original := b.Amount.Mul(decimal.New(79, -2)).Round(2)
		b.OriginalAmount, b.OriginalCurrency = &original, "GBP"
		fee := decimal.New(-15, -1)
		b.FeeAmount, b.FeeCurrency = &fee, "USD"
	}
	return b
}

// qrPayment is a Swiss customer who pays a QR bill.
func (p *page) qrPayment() Booking {
	c := pick(p, swissCustomers())
	ref := qrReference(fmt.Sprintf("%026d", 4_711_000_000+int64(p.date.number())*100+p.rnd.Int64N(100)))
	return Booking{
		Amount:              cents(p.between(8_000, 210_000)),
		Currency:            "CHF",
		Purpose:             "QR-Zahlung Ref. " + ref,
		CounterpartName:     c.name,
		CounterpartIBAN:     c.iban,
		CounterpartBankName: c.bank,
		CustomerReference:   ref,
		EndToEndReference:   ref,
		Type:                "Gutschrift QR-Rechnung",
		BankTransactionCode: "PMNT-RCDT-DMCT",
	}
}

// directDebit is a payment that the counterpart collects with a mandate.
func (p *page) directDebit(name, creditor, mandate, purpose string, amount int64) Booking {
	return Booking{
		Amount:            cents(-amount),
		Currency:          "EUR",
		Purpose:           purpose,
		CounterpartName:   name,
		CounterpartIBAN:   german("99058888", "0011223344"),
		CounterpartBIC:    "BEISDE08XXX",
		CreditorID:        creditor,
		MandateReference:  mandate,
		EndToEndReference: fmt.Sprintf("LS%s%s", p.noon.Format("200601"), mandate),
		Type:              "Basislastschrift",
		TypeCodeZKA:       "105",
		SEPAPurposeCode:   "OTHR",
	}
}

// payment is an outgoing transfer with a fixed counterpart.
func payment(amount int64, currency, name, iban, purpose string) Booking {
	return Booking{
		Amount:          cents(-amount),
		Currency:        currency,
		Purpose:         purpose,
		CounterpartName: name,
		CounterpartIBAN: iban,
		Type:            "Überweisungsauftrag",
		TypeCodeZKA:     "177",
	}
}

// receipt is an incoming transfer with a fixed counterpart.
func receipt(amount int64, currency, name, iban, purpose string) Booking {
	b := payment(-amount, currency, name, iban, purpose)
	b.Type, b.TypeCodeZKA = "Gutschrift", "166"
	return b
}
