package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// indicatorsOf coerces one string with the given indicators and returns the
// p_any_* lists, without their prefix, as JSON.
func indicatorsOf(t *testing.T, indicators, value string) string {
	t.Helper()
	s := compileFields(t, "{name: f, type: string, indicators: ["+indicators+"]}")
	text, err := json.Marshal(map[string]string{"f": value})
	if err != nil {
		t.Fatal(err)
	}
	var row Row
	if err := s.Coerce(&row, decode(t, text)); err != nil {
		t.Fatal(err)
	}
	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(mustAssemble(t, s, &row)), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "f")
	var parts []string
	for name, list := range got {
		parts = append(parts, strings.TrimPrefix(name, "p_any_")+" "+string(list))
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// TestIndicators goes through the table of indicators.
func TestIndicators(t *testing.T) {
	md5, sha1, sha256 := strings.Repeat("aB", 16), strings.Repeat("c4", 20), strings.Repeat("0F", 32)
	for _, c := range []struct{ indicator, value, want string }{
		{"ip", "10.0.0.1", `ip_addresses ["10.0.0.1"]`},
		{"ip", " 10.0.0.1\t", `ip_addresses ["10.0.0.1"]`},
		{"ip", "255.255.255.255", `ip_addresses ["255.255.255.255"]`},
		{"ip", "2001:DB8::1", `ip_addresses ["2001:DB8::1"]`},
		{"ip", "0db8::1", `ip_addresses ["0db8::1"]`},
		{"ip", "::", `ip_addresses ["::"]`},
		{"ip", "::ffff:1.2.3.4", `ip_addresses ["::ffff:1.2.3.4"]`},
		{"ip", "555.555.555.555", ``},
		{"ip", "10.01.0.1", ``},
		{"ip", "10.0.0", ``},
		{"ip", "10.0.0.", ``},
		{"ip", "10.0.0.1.2", ``},
		{"ip", "10.0.0.1:80", ``},
		{"ip", "fe80::1%eth0", ``},
		{"ip", "(NONE)", ``},
		{"ip", "", ``},
		{"domain", "example.com", `domain_names ["example.com"]`},
		{"domain", " ", ``},
		{"domain", "xn--bcher-kva.example", `domain_names ["bücher.example"]`},
		{"domain", "xn--fiqs8s", `domain_names ["中国"]`},
		{"domain", "xn--bcher-kva.xn--fiqs8s", `domain_names ["bücher.中国"]`},
		{"domain", "xn--99999999.example", `domain_names ["xn--99999999.example"]`},
		{"domain", "xn--bcher-kv.example", `domain_names ["xn--bcher-kv.example"]`},
		{"hostname", "db1", `domain_names ["db1"]`},
		{"hostname", "::1", `ip_addresses ["::1"]`},
		{"url", "https://user:p@Shop.example:8443/a?b#c", `domain_names ["Shop.example"]`},
		{"url", "http://10.1.2.3/x@y", `ip_addresses ["10.1.2.3"]`},
		{"url", "http://[2001:db8::2]:80?x", `ip_addresses ["2001:db8::2"]`},
		{"url", "//example.org", `domain_names ["example.org"]`},
		{"url", "/path//x", ``},
		{"url", "no url: //x", ``},
		{"url", "mailto:a@b.c", ``},
		{"url", "http://", ``},
		{"net_addr", "db1.example:27017", `domain_names ["db1.example"]`},
		{"net_addr", "10.0.0.9:1", `ip_addresses ["10.0.0.9"]`},
		{"net_addr", "[::1]:27017", `ip_addresses ["::1"]`},
		{"net_addr", "::1", `ip_addresses ["::1"]`},
		{"net_addr", "db1", `domain_names ["db1"]`},
		{"net_addr", "[::1", `domain_names ["[::1"]`},
		{"email", "ann@example.com", `emails ["ann@example.com"] usernames ["ann"]`},
		{"email", "@example.com", `emails ["@example.com"]`},
		{"email", "ann", ``},
		{"username", " ann ", `usernames ["ann"]`},
		{"actor_id", "x1", `actor_ids ["x1"]`},
		{"mac", "00:00:5e:00:53:01", `mac_addresses ["00:00:5e:00:53:01"]`},
		{"mac", "00:00", ``},
		{"serial_number", "S-1", `serial_numbers ["S-1"]`},
		{"md5", md5, `md5_hashes ["` + strings.ToLower(md5) + `"]`},
		{"md5", sha1, ``},
		{"md5", strings.Repeat("g", 32), ``},
		{"sha1", sha1, `sha1_hashes ["` + sha1 + `"]`},
		{"sha256", sha256, `sha256_hashes ["` + strings.ToLower(sha256) + `"]`},
		{"trace_id", "t", `trace_ids ["t"]`},
		{
			"aws_arn", "arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc",
			`aws_account_ids ["123456789012"] aws_arns ["arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc"] aws_instance_ids ["i-0abc"]`,
		},
		{
			"aws_arn", "arn:aws:sts::123456789012:assumed-role/ops/ann@example.com",
			`aws_account_ids ["123456789012"] aws_arns ["arn:aws:sts::123456789012:assumed-role/ops/ann@example.com"] emails ["ann@example.com"] usernames ["ann"]`,
		},
		{"aws_arn", "arn:aws:s3:::bucket", `aws_arns ["arn:aws:s3:::bucket"]`},
		{"aws_arn", "arn:short", `aws_arns ["arn:short"]`},
		{"aws_arn", "bucket", ``},
		{"aws_arn_only", "arn:aws:iam::123456789012:root", `aws_arns ["arn:aws:iam::123456789012:root"]`},
		{"aws_arn_only", "x", ``},
		{"aws_account_id", "123456789012", `aws_account_ids ["123456789012"]`},
		{"aws_account_id", "12345678901", ``},
		{"aws_account_id", "12345678901x", ``},
		{"aws_instance_id", "i-0", `aws_instance_ids ["i-0"]`},
		{"aws_instance_id", "0", ``},
		{"aws_tag", "team:db", `aws_tags ["team:db"]`},
		{"username, email", "ann@example.com", `emails ["ann@example.com"] usernames ["ann","ann@example.com"]`},
	} {
		if got := indicatorsOf(t, c.indicator, c.value); got != c.want {
			t.Errorf("%s of %q:\n got %s\nwant %s", c.indicator, c.value, got, c.want)
		}
	}
}

// TestIndicatorLists: sorted, each value once, in the lists and in Indicators.
func TestIndicatorLists(t *testing.T) {
	s := compileFields(t, "{name: a, type: array, element: {type: string}, indicators: [username]}",
		"{name: b, type: string, indicator: actor_id}")
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf(`"u%02d"`, 39-i%20)
	}
	for in, want := range map[string]string{
		`{"a":["z","a","z"," a"],"b":"z"}`: "a z",
		`{"a":[]}`:                         "",
		`{"b":"only"}`:                     "only",

		`{"a":[` + strings.Join(many, ",") + `]}`: "u20 u21 u22 u23 u24 u25 u26 u27 u28 u29 u30 u31 u32 u33 u34 u35 u36 u37 u38 u39",
	} {
		var row Row
		if err := s.Coerce(&row, decode(t, []byte(in))); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range row.Indicators {
			got = append(got, string(i))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
		mustAssemble(t, s, &row)
	}
	var row Row
	if err := s.Coerce(&row, decode(t, []byte(`{"a":["z","a","z"," a"],"b":"z"}`))); err != nil {
		t.Fatal(err)
	}
	want := `{"a":["z","a","z"," a"],"b":"z","p_any_actor_ids":["z"],"p_any_usernames":["a","z"]}`
	if got := mustAssemble(t, s, &row); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
