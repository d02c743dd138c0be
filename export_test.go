package finapi

import "encoding/json"

// DecodePage decodes a page of transactions as the client does.
func DecodePage(body []byte) ([]Transaction, error) {
	var p transactionPage
	err := decode(body, &p)
	return p.rows, err
}

// DecodePageByEncodingJSON decodes a page with encoding/json alone.
func DecodePageByEncodingJSON(body []byte) ([]Transaction, error) {
	var p transactionPage
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	err := p.check()
	return p.rows, err
}

// Endpoints returns the methods and templates of all that this package can send.
func Endpoints() []string {
	all := make([]string, len(endpoints))
	for i := range endpoints {
		all[i] = endpoints[i].String()
	}
	return all
}
