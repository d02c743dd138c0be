package finapitest

// Ids of banks that matter to tests.
const (
	// TestBankID is finAPI's test bank, with the id it has on the sandbox.
	TestBankID = 280001
	// TestRedirectBankID is finAPI's test bank with a redirect.
	TestRedirectBankID = 280002
	// AmnisID is amnis. The id is invented: finAPI's real one is not known.
	AmnisID = 9000117
	// SparkasseID is a savings bank that does not exist.
	SparkasseID = 9000201
	// UnsupportedBankID is a bank that is listed without any interface.
	UnsupportedBankID = 9000301
	// NoAISBankID is a bank whose only interface cannot read accounts.
	NoAISBankID = 9000302
)

// defaultBanks is a directory that is large enough for searches and pages to
// mean something. Except for the test banks, all codes are invented.
func defaultBanks() []Bank {
	banks := []Bank{
		{ID: TestBankID, Name: "finAPI Test Bank", BLZ: "DEMO0001", IsTestBank: true, Interfaces: []BankInterface{embedded(), fints()}},
		{ID: TestRedirectBankID, Name: "finAPI Test Redirect Bank", BLZ: "DEMO0002", IsTestBank: true, Interfaces: []BankInterface{redirect(98)}},
		// guess: location, BIC and BLZ of amnis in finAPI's directory.
		{ID: AmnisID, Name: "amnis", BIC: "AMNSCHZ0XXX", BLZ: "30999", Location: "CH", City: "Zürich", Interfaces: []BankInterface{redirect(97)}},
		{ID: SparkasseID, Name: "Stadtsparkasse Beispielstadt", BIC: "BEISDEFFXXX", BLZ: sparBLZ, Location: "DE", City: "Beispielstadt", Interfaces: []BankInterface{sparkasse(), fints()}},
		{ID: UnsupportedBankID, Name: "Nordische Handelsbank Zweigniederlassung Hamburg", BIC: "BEISDEHHNHB", BLZ: "99020301", Location: "DE", City: "Hamburg"},
		{ID: NoAISBankID, Name: "Zahlungshaus Auslösedienst AG", BIC: "BEISDEMMZAD", BLZ: "99070302", Location: "DE", City: "München", Interfaces: []BankInterface{paymentsOnly()}},
	}
	return append(banks, otherBanks()...)
}

// otherBanks fills the directory. Several of them share a city or a BLZ.
func otherBanks() []Bank {
	rows := []struct{ name, city, country, blz string }{
		{"Sparkasse Musterland", "Musterstadt", "DE", "99050101"},
		{"Kreissparkasse Oberes Tal", "Talheim", "DE", "99050102"},
		{"Sparkasse Donau-Bucht", "Passing", "DE", "99050103"},
		{"Stadtsparkasse Neuhafen", "Neuhafen", "DE", "99050104"},
		{"Förde Sparkasse Nordküste", "Kielhafen", "DE", "99050105"},
		{"Volksbank Beispielland eG", "Beispielstadt", "DE", "99051111"},
		{"Volksbank Rhein-Muster eG", "Köln", "DE", "99060112"},
		{"VR Bank Südliche Heide eG", "Heidedorf", "DE", "99060113"},
		{"Raiffeisenbank Musterland eG", "Musterstadt", "DE", "99053333"},
		{"Raiffeisenbank Hochalb eG", "Albhausen", "DE", "99060115"},
		{"PSD Beispielbank Nord eG", "Hamburg", "DE", "99060116"},
		{"Sparda Muster West eG", "Düsseldorf", "DE", "99060117"},
		{"GLS Beispiel Gemeinschaftsbank eG", "Bochum", "DE", "99060118"},
		{"Commerz-Beispielbank", "Frankfurt am Main", "DE", "99052222"},
		{"Commerz-Beispielbank vormals Dresdner Muster", "Frankfurt am Main", "DE", "99052222"},
		{"Deutsche Musterbank", "Frankfurt am Main", "DE", "99070101"},
		{"Deutsche Musterbank PGK", "Frankfurt am Main", "DE", "99070102"},
		{"Direktbank Beispiel", "Nürnberg", "DE", "99055555"},
		{"Hypo-Beispielbank", "München", "DE", "99070104"},
		{"Apotheker- und Ärztebank Muster", "Düsseldorf", "DE", "99057777"},
		{"Online-Beispielbank AG", "Berlin", "DE", "99010101"},
		{"Smartphone Bank Muster GmbH", "Berlin", "DE", "99010102"},
		{"Privatbank Lübke & Cie.", "Bremen", "DE", "99020103"},
		{"Erste Beispielbank der österreichischen Sparkassen", "Wien", "AT", "99120"},
		{"Raiffeisen Landesbank Musterösterreich", "Linz", "AT", "99134"},
		{"Volksbank Beispiel Wien AG", "Wien", "AT", "99143"},
		{"Hypo Muster-Tirol", "Innsbruck", "AT", "99157"},
		{"BAWAG Beispiel", "Wien", "AT", "99160"},
		{"Kantonalbank Beispiel", "Zürich", "CH", "30902"},
		{"Musterbank Zürich", "Zürich", "CH", "30901"},
		{"Banque du Léman Modèle", "Genève", "CH", "30903"},
		{"Liechtensteinische Beispielbank", "Vaduz", "LI", "99088"},
	}
	banks := make([]Bank, len(rows))
	for i, r := range rows {
		banks[i] = Bank{ID: 9000400 + int64(i), Name: r.name, BLZ: r.blz, Location: r.country, City: r.city, Interfaces: []BankInterface{redirect(80 + i%20)}}
		if i%3 == 0 {
			banks[i].Interfaces = append(banks[i].Interfaces, fints())
		}
	}
	return banks
}

func redirect(health int) BankInterface {
	return BankInterface{
		Name: interfaceXS2A, Properties: []string{"REDIRECT_APPROACH", "DETAILED_CONSENT"}, AISSupported: true,
		Health: health, AccountTypes: []string{"Checking", "Savings"},
	}
}

// sparkasse is an interface whose consents name their accounts, as those of the
// savings banks do.
func sparkasse() BankInterface {
	i := redirect(93)
	i.FixedAccounts = true
	return i
}

func embedded() BankInterface {
	return BankInterface{
		Name: interfaceXS2A, Properties: []string{"DECOUPLED_APPROACH"}, AISSupported: true, Health: 100,
		LoginFields: []string{"Onlinebanking-ID", "PIN"}, AccountTypes: []string{"Checking", "Savings"},
	}
}

func fints() BankInterface {
	return BankInterface{
		Name: interfaceFinTS, AISSupported: true, Health: 91,
		LoginFields: []string{"Onlinebanking-ID", "PIN"}, AccountTypes: []string{"Checking", "Savings", "Security"},
	}
}

func paymentsOnly() BankInterface {
	return BankInterface{Name: interfaceXS2A, Properties: []string{"REDIRECT_APPROACH"}, Health: 88}
}
