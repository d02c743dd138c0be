package finapitest

import "net/http"

// serveAccess is the Access V2 host.
func (s *Server) serveAccess() http.Handler {
	h := host{server: s, admit: admitAccess, body: (*refusal).accessBody}
	s.accessMux = h.mux(accessRoutes())
	return s.dated(logTraffic("access", s.log.watch, h.injecting(s.accessMux)))
}

// admitAccess turns a client away that is bound to the old version.
func admitAccess(s *Server, _ *call) error {
	if s.settings.OnlyAPIVersion1 {
		const text = "client is limited to scope /api/v1"
		return forbidden(text, text)
	}
	return nil
}

func accessRoutes() []route {
	none := params{}
	return []route{
		{method: "POST", path: "/api/v2/oauth/token", token: tokenNone, params: none, handle: (*Server).grantToken},
		{method: "POST", path: "/api/v2/oauth/revoke", token: tokenClient, params: none, handle: (*Server).revokeToken},

		{method: "POST", path: "/api/v2/users", token: tokenClient, params: none, handle: (*Server).createUser},
		{method: "GET", path: "/api/v2/users", token: tokenUser, params: none, handle: (*Server).getUser},
		{method: "PATCH", path: "/api/v2/users", token: tokenUser, params: none, handle: (*Server).editUser},
		{method: "DELETE", path: "/api/v2/users", token: tokenUser, params: none, handle: (*Server).deleteUser},
		{method: "GET", path: "/api/v2/users/verificationStatus", token: tokenClient, params: params{"userId": text().required()}, handle: (*Server).getVerificationStatus},
		{method: "POST", path: "/api/v2/users/verify/{id}", token: tokenClient, params: none, handle: (*Server).verifyUser},
		{method: "DELETE", path: "/api/v2/users/{id}", token: tokenClient, params: none, handle: (*Server).deleteUnverifiedUser},

		{method: "GET", path: "/api/v2/banks", token: tokenAny, params: bankParams(), handle: (*Server).listBanks},
		{method: "GET", path: "/api/v2/banks/{id}", token: tokenAny, params: none, handle: (*Server).getBank},
		{method: "GET", path: "/api/v2/clientConfiguration", token: tokenClient, params: none, handle: (*Server).getClientConfiguration},

		{method: "GET", path: "/api/v2/bankConnections", token: tokenUser, params: params{"ids": idList(1000)}, handle: (*Server).listConnections},
		{method: "DELETE", path: "/api/v2/bankConnections", token: tokenUser, params: none, handle: (*Server).deleteConnections},
		{method: "GET", path: "/api/v2/bankConnections/{id}", token: tokenUser, params: none, handle: (*Server).getConnection},
		{method: "PATCH", path: "/api/v2/bankConnections/{id}", token: tokenUser, params: none, handle: (*Server).editConnection},
		{method: "DELETE", path: "/api/v2/bankConnections/{id}", token: tokenUser, params: none, handle: (*Server).deleteConnection},
		{method: "DELETE", path: "/api/v2/bankConnections/{id}/aisConsent", token: tokenUser, params: consentParams(), handle: (*Server).deleteConsent},
		{method: "POST", path: "/api/v2/bankConnections/import", token: tokenUser, params: none, handle: (*Server).refuseDirect},
		{method: "POST", path: "/api/v2/bankConnections/update", token: tokenUser, params: none, handle: (*Server).refuseDirect},

		{method: "GET", path: "/api/v2/accounts", token: tokenUser, params: accountParams(), handle: (*Server).listAccounts},
		{method: "DELETE", path: "/api/v2/accounts", token: tokenUser, params: none, handle: (*Server).deleteAccounts},
		{method: "GET", path: "/api/v2/accounts/dailyBalances", token: tokenUser, gate: gatePFM, params: balanceParams(), handle: (*Server).listDailyBalances},
		{method: "GET", path: "/api/v2/accounts/{id}", token: tokenUser, params: none, handle: (*Server).getAccount},
		{method: "PATCH", path: "/api/v2/accounts/{id}", token: tokenUser, params: none, handle: (*Server).editAccount},
		{method: "DELETE", path: "/api/v2/accounts/{id}", token: tokenUser, params: none, handle: (*Server).deleteAccount},

		// guess: whether the PFM gate closes the search of transactions is ambiguous.
		{method: "GET", path: "/api/v2/transactions", token: tokenUser, params: transactionParams(), handle: (*Server).listTransactions},
		{method: "PATCH", path: "/api/v2/transactions", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).editTransactions},
		{method: "GET", path: "/api/v2/transactions/{id}", token: tokenUser, params: none, handle: (*Server).getTransaction},
		{method: "PATCH", path: "/api/v2/transactions/{id}", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).editTransaction},
		{method: "DELETE", path: "/api/v2/transactions/{id}", token: tokenUser, params: none, handle: (*Server).deleteTransaction},
		{method: "GET", path: "/api/v2/pendingTransactions", token: tokenUser, params: pendingParams(), handle: (*Server).listPending},
		{method: "GET", path: "/api/v2/pendingTransactions/{id}", token: tokenUser, params: none, handle: (*Server).getPending},

		{method: "GET", path: "/api/v2/notificationRules", token: tokenUser, gate: gatePFM, params: ruleParams(), handle: (*Server).listRules},
		{method: "POST", path: "/api/v2/notificationRules", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).createRule},
		{method: "DELETE", path: "/api/v2/notificationRules", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).deleteRules},
		{method: "GET", path: "/api/v2/notificationRules/{id}", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).getRule},
		{method: "DELETE", path: "/api/v2/notificationRules/{id}", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).deleteRule},

		{method: "POST", path: "/api/v2/tests/mockBatchUpdate", token: tokenUser, gate: gatePFM, params: none, handle: (*Server).startMockUpdate},
	}
}

func consentParams() params {
	return params{
		"bankingInterface": oneOf(interfaceFinTS, interfaceScraper, interfaceXS2A).required(),
		"forceDeletion":    flag(),
	}
}

// refuseDirect answers the calls that only licensed clients may make.
func (s *Server) refuseDirect(*call) (answer, error) { return answer{}, onlyWebForm() }
