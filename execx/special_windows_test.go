package execx_test

func special(role, _ string) { panic(role) }
