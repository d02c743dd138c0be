package finapi

import "encoding/json"

// DecodePage decodes a page of transactions as the client does.
func DecodePage(body []byte) ([]Transaction, error) {
	var p transactionPage
	err := decode(body, &p)
	return p.rows, err
}

// DecodePageByEncodingJSON decodes a page with encoding/json alone, as fast as it can: the
// SDK's own way looks at each row twice, so that it ends at the first bad one.
func DecodePageByEncodingJSON(body []byte) ([]Transaction, error) {
	var p struct {
		Transactions []transactionFields `json:"transactions"`
		Paging       *paging             `json:"paging"`
		Income       number              `json:"income"`
		Spending     number              `json:"spending"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return nil, err
	}
	rows := make([]Transaction, len(p.Transactions))
	for i := range p.Transactions {
		if err := p.Transactions[i].check(); err != nil {
			return nil, err
		}
		rows[i] = p.Transactions[i].transaction()
	}
	return rows, p.Paging.check()
}

// Endpoints returns the methods and templates of all that this package can send.
func Endpoints() []string {
	all := make([]string, len(endpoints))
	for i := range endpoints {
		all[i] = endpoints[i].String()
	}
	return all
}
