package launcher

// kinds holds the kinds of this system; the first is the default.
var kinds = [...]traits{
	{kind: Script, render: renderScript},
	{kind: Supervisord, render: renderSupervisord, account: true},
	{kind: Launchd, render: renderLaunchd},
}

// significant returns the part of a file whose change matters: all of it.
func significant(_ string, data []byte) []byte { return data }
