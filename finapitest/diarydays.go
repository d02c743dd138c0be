package finapitest

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// opening books the first money on each account.
func (p *page) opening() {
	owner := german("99059999", "0000000815")
	p.book(amnisEUR, receipt(25_000_000, "EUR", "Annegret Seeblick", owner, "Gesellschafterdarlehen gemäß Vertrag"))
	p.book(amnisCHF, receipt(6_000_000, "CHF", "Annegret Seeblick", owner, "Kapitaleinlage"))
	p.book(amnisUSD, receipt(4_000_000, "USD", "Annegret Seeblick", owner, "Initial funding"))
	p.book(sparChecking, receipt(1_500_000, "EUR", "Annegret Seeblick", owner, "Eröffnung Geschäftskonto"))
	p.book(sparSavings, receipt(2_000_000, "EUR", holder, ibanOf(sparChecking), "Rücklage Instandhaltung"))
	p.book(testChecking, receipt(2_377_206, "EUR", "finAPI", "", "Eröffnung"))
	p.book(redirectGiro, receipt(500_000, "EUR", "finAPI", "", "Eröffnung"))
}

// business is what happens on the accounts at amnis.
func (p *page) business() {
	switch {
	case !p.weekend():
		p.working()
	case p.likely(40):
		p.book(amnisEUR, p.germanCard())
	}
	if p.likely(35) {
		p.book(amnisCHF, p.swissCard())
	}
	if p.chance(25) || (p.weekend() && !p.past) {
		p.book(amnisUSD, p.subscription())
	}
	p.monthly()
	p.parking()
	if !p.past {
		p.irregular()
	}
}

// working is the daily business on a working day.
func (p *page) working() {
	p.book(amnisEUR, p.transferIn(0))
	if p.likely(60) {
		p.book(amnisEUR, p.another())
	}
	if p.chance(40) {
		p.book(amnisCHF, p.qrPayment())
	}
	switch p.noon.Weekday() {
	case time.Tuesday:
		p.exchange(amnisEUR, "EUR", amnisCHF, "CHF", p.between(90_000, 260_000), decimal.New(9402+p.rnd.Int64N(60), -4))
	case time.Wednesday:
		p.book(amnisUSD, receipt(p.between(180_000, 520_000), "USD", "Lakeside Imports LLC", "",
			fmt.Sprintf("INV %d-%03d / WIRE REF 0%d", p.noon.Year(), p.noon.YearDay(), 700000+p.date.number())))
	default:
	}
}

// another is the second row of a working day.
func (p *page) another() Booking {
	switch p.rnd.IntN(4) {
	case 0:
		return p.transferIn(1)
	case 1:
		return p.germanCard()
	}
	return p.transferOut()
}

// exchange sells one currency of the customer for another.
func (p *page) exchange(from, sold, to, bought string, amount int64, rate decimal.Decimal) {
	out := cents(amount)
	in := out.Mul(rate).Round(2)
	text := fmt.Sprintf("FX %s/%s Kurs %s Ref FX%d", sold, bought, rate.StringFixed(4), 100000+p.date.number())
	p.book(from, Booking{
		Amount: out.Neg(), Currency: sold, Purpose: text, CounterpartName: holder, CounterpartIBAN: ibanOf(to),
		OriginalAmount: &in, OriginalCurrency: bought, Type: "Devisengeschäft", BankTransactionCode: "FORX-SPOT-OTHR",
	})
	p.book(to, Booking{
		Amount: in, Currency: bought, Purpose: text, CounterpartName: holder, CounterpartIBAN: ibanOf(from),
		OriginalAmount: &out, OriginalCurrency: sold, Type: "Devisengeschäft", BankTransactionCode: "FORX-SPOT-OTHR",
	})
}

// monthly is what returns every month on its day.
func (p *page) monthly() {
	landlord := german("99051111", "0004444400")
	office := german("99000000", "0000370111") // an invented Bundesbank account
	switch p.dayOfMonth() {
	case 1:
		p.book(amnisEUR, payment(238_000, "EUR", "Grundstücksgesellschaft Am Ufer mbH", landlord, "Miete Büro "+p.month()+" Objekt 17"))
	case 3:
		p.book(amnisEUR, p.directDebit("Stadtwerke Beispielstadt", "DE98ZZZ09999999999", "SW-2210447", "Abschlag Strom "+p.month()+" VK 100200300", 41_350))
	case 5:
		p.book(amnisCHF, payment(185_240, "CHF", "SVA Zürich", swiss("30909", "000000800018"), "AHV/IV/EO Akontobeitrag "+p.month()+" Abr.-Nr. 7.123.456"))
	case 8:
		p.book(amnisEUR, p.directDebit("Telefon Übersee GmbH", "DE45ZZZ00000012345", "M0099123", "Rechnung Festnetz & Mobil "+p.noon.Format("01/2006"), 12_977))
	case 10:
		p.book(amnisEUR, payment(p.between(310_000, 780_000), "EUR", "Finanzamt Beispielstadt", office, "Umsatzsteuer "+p.noon.AddDate(0, -1, 0).Format("01.06")+" St.-Nr. 99/815/08150"))
	case 18:
		p.exchange(amnisUSD, "USD", amnisEUR, "EUR", p.between(500_000, 1_100_000), decimal.New(8610+p.rnd.Int64N(90), -4))
	case 25:
		p.salaries()
	case 28:
		p.book(amnisEUR, payment(1_990, "EUR", "amnis", "", "Kontoführung und Zahlungsverkehr "+p.month()))
		p.book(amnisCHF, payment(1_500, "CHF", "amnis", "", "Gebühr Kartenpaket "+p.month()))
	}
}

func (p *page) salaries() {
	staff := []struct {
		name   string
		amount int64
	}{{"Jürgen Großmann", 384_212}, {"Ayşe Yıldız", 412_650}, {"Łukasz Wójcik", 298_077}}
	for i, s := range staff {
		b := payment(s.amount, "EUR", s.name, german("99056666", fmt.Sprintf("00770010%02d", i)), "Lohn/Gehalt "+p.month())
		b.SEPAPurposeCode = "SALA"
		p.book(amnisEUR, b)
	}
	p.book(amnisCHF, payment(520_000, "CHF", "Reto Müller", swiss("30902", "000111222333"), "Lohn "+p.month()))
}

// parking makes two bookings on one day which are equal in every field: two
// real payments, not a duplicate.
func (p *page) parking() {
	if p.date.number()%9 == 0 {
		p.book(amnisEUR, parkingTicket())
		p.book(amnisEUR, parkingTicket())
	}
}

// irregular is what keeps happening after the start: card payments that are
// pending over night and rows that the bank shows days after their date.
func (p *page) irregular() {
	if p.date.number()%3 == 0 {
		held := p.germanCard().dated(p.date.AddDays(-1))
		settled := held.dated(p.date)
		settled.Purpose += "//BEISPIELSTADT/DE " + p.noon.AddDate(0, 0, -1).Format("2006-01-02") + "T18:40 KFN 1"
		settled.BookingDate, settled.ValueDate = p.date, p.date
		p.events = append(p.events, event{
			iban: ibanOf(amnisEUR), row: settled, visible: p.date.at(7, 30), pending: &held, from: p.date.AddDays(-1).at(18, 45),
		})
	}
	if p.date.number()%7 == 0 {
		late := p.qrPayment().dated(p.date.AddDays(-5))
		p.events = append(p.events, event{iban: ibanOf(amnisCHF), row: late, visible: p.date.at(8, 10)})
	}
}

func parkingTicket() Booking {
	return cardPayment(decimal.New(-250, -2), "EUR", "PARKHAUS AM MARKT")
}

// household is what happens at the other banks.
func (p *page) household() {
	if p.chance(40) {
		p.book(sparChecking, p.germanCard())
	}
	if p.dayOfMonth() == 2 {
		for flat := 1; flat <= 3; flat++ {
			p.book(sparChecking, receipt(int64(61_500+flat*4_550), "EUR", fmt.Sprintf("Mietpartei Wohnung %d", flat),
				german("99051111", fmt.Sprintf("00066600%02d", flat)), fmt.Sprintf("Miete Whg. %d %s", flat, p.month())))
		}
	}
	if p.dayOfMonth() == 15 {
		p.book(sparChecking, payment(20_000, "EUR", holder, ibanOf(sparSavings), "Dauerauftrag Rücklage"))
		p.book(sparSavings, receipt(20_000, "EUR", holder, ibanOf(sparChecking), "Dauerauftrag Rücklage"))
	}
	if p.noon.Month() == time.December && p.dayOfMonth() == 31 {
		p.book(sparSavings, receipt(18_437, "EUR", "", "", "Zinsen "+p.noon.Format("2006")))
	}
	if p.chance(30) {
		p.book(testChecking, p.transferOut())
		p.book(testChecking, p.transferIn(2))
	}
	if p.chance(20) {
		p.book(redirectGiro, p.transferIn(2))
	}
}

// cases are the rows of the first day after the start: equal twins, a row that
// was pending before and is booked with another text, and a row that the bank
// shows days after its booking date.
func (p *page) cases(visible, pendingSince time.Time) {
	add := func(b Booking, pending *Booking) {
		p.events = append(p.events, event{
			iban: ibanOf(amnisEUR), row: b.dated(p.date), visible: visible, pending: pending, from: pendingSince,
		})
	}
	twin := cardPayment(decimal.New(-990, -2), "EUR", "SCHNELLRESTAURANT AM GLEIS")
	add(twin, nil)
	add(twin, nil)

	hotel := cardPayment(cents(-14_860), "EUR", "HOTEL ZUR POST RESERVIERUNG").dated(p.date.AddDays(-1))
	settled := cardPayment(cents(-14_860), "EUR", "HOTEL ZUR POST//LINDAU/DE "+p.noon.Format("2006-01-02")+"T21:14 KFN 1 VJ 2712").dated(p.date)
	settled.CounterpartName = "HOTEL ZUR POST"
	add(settled, &hotel)

	late := receipt(118_405, "EUR", "Weißhaupt Maschinenbau GmbH & Co. KG", german("99052222", "0044120078"), "Nachbuchung Gutschrift 88123")
	add(late.dated(p.date.AddDays(-4)), nil)
}
