package finapi

// SentOnce reports for each endpoint of the table, by its method and template, whether it
// must never be sent a second time by itself.
func SentOnce() map[string]bool {
	all := map[string]bool{}
	for i := range endpoints {
		all[endpoints[i].String()] = !endpoints[i].safe
	}
	return all
}
