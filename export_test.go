package finapi

// Endpoints returns the methods and templates of all that this package can send.
func Endpoints() []string {
	all := make([]string, len(endpoints))
	for i := range endpoints {
		all[i] = endpoints[i].String()
	}
	return all
}
