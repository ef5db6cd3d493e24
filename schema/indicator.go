package schema

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"unsafe"
)

// indicator is what a string tells about who and where, in the words of the
// schema language.
type indicator uint8

const (
	indicateIP indicator = iota
	indicateDomain
	indicateHostname
	indicateURL
	indicateNetAddr
	indicateEmail
	indicateUsername
	indicateActorID
	indicateMAC
	indicateSerialNumber
	indicateMD5
	indicateSHA1
	indicateSHA256
	indicateTraceID
	indicateARN
	indicateARNOnly
	indicateAccountID
	indicateInstanceID
	indicateTag
)

// indicatorNames are the indicators by name.
var indicatorNames = map[string]indicator{
	"ip": indicateIP, "domain": indicateDomain, "hostname": indicateHostname, "url": indicateURL,
	"net_addr": indicateNetAddr, "email": indicateEmail, "username": indicateUsername,
	"actor_id": indicateActorID, "mac": indicateMAC, "serial_number": indicateSerialNumber,
	"md5": indicateMD5, "sha1": indicateSHA1, "sha256": indicateSHA256, "trace_id": indicateTraceID,
	"aws_arn": indicateARN, "aws_arn_only": indicateARNOnly, "aws_account_id": indicateAccountID,
	"aws_instance_id": indicateInstanceID, "aws_tag": indicateTag,
}

// list is one of the columns p_any_*.
type list uint8

// The lists, sorted by name.
const (
	listActorIDs list = iota
	listAccountIDs
	listARNs
	listInstanceIDs
	listTags
	listDomains
	listEmails
	listIPs
	listMACs
	listMD5
	listSerials
	listSHA1
	listSHA256
	listTraceIDs
	listUsernames
	listCount
)

// listDef is the definition level of a value in a list: list, slot, element.
const listDef = 3

// listNames are the columns of the lists, as Panther calls them.
var listNames = [listCount]string{
	"p_any_actor_ids", "p_any_aws_account_ids", "p_any_aws_arns", "p_any_aws_instance_ids", "p_any_aws_tags",
	"p_any_domain_names", "p_any_emails", "p_any_ip_addresses", "p_any_mac_addresses", "p_any_md5_hashes",
	"p_any_serial_numbers", "p_any_sha1_hashes", "p_any_sha256_hashes", "p_any_trace_ids", "p_any_usernames",
}

// listSet has a bit for each list.
type listSet uint32

// indicatorLists says which lists an indicator can fill.
var indicatorLists = [...]listSet{
	indicateIP:           1 << listIPs,
	indicateDomain:       1 << listDomains,
	indicateHostname:     1<<listDomains | 1<<listIPs,
	indicateURL:          1<<listDomains | 1<<listIPs,
	indicateNetAddr:      1<<listDomains | 1<<listIPs,
	indicateEmail:        1<<listEmails | 1<<listUsernames,
	indicateUsername:     1 << listUsernames,
	indicateActorID:      1 << listActorIDs,
	indicateMAC:          1 << listMACs,
	indicateSerialNumber: 1 << listSerials,
	indicateMD5:          1 << listMD5,
	indicateSHA1:         1 << listSHA1,
	indicateSHA256:       1 << listSHA256,
	indicateTraceID:      1 << listTraceIDs,
	indicateARN:          1<<listARNs | 1<<listAccountIDs | 1<<listInstanceIDs | 1<<listEmails | 1<<listUsernames,
	indicateARNOnly:      1 << listARNs,
	indicateAccountID:    1 << listAccountIDs,
	indicateInstanceID:   1 << listInstanceIDs,
	indicateTag:          1 << listTags,
}

// find notes a value for a list; an empty one tells nothing.
func (r *Row) find(l list, text []byte) {
	if text = bytes.TrimSpace(text); len(text) > 0 {
		r.found = append(r.found, finding{l, text})
	}
}

// indicate notes what text tells.
func (r *Row) indicate(i indicator, text []byte) {
	text = bytes.TrimSpace(text)
	switch i {
	case indicateIP:
		if isIP(text) {
			r.find(listIPs, text)
		}
	case indicateDomain:
		r.domain(text)
	case indicateHostname:
		r.host(text)
	case indicateURL:
		r.host(urlHost(text))
	case indicateNetAddr:
		r.host(addrHost(text))
	case indicateEmail:
		r.email(text)
	case indicateUsername:
		r.find(listUsernames, text)
	case indicateActorID:
		r.find(listActorIDs, text)
	case indicateMAC:
		if _, err := net.ParseMAC(string(text)); err == nil {
			r.find(listMACs, text)
		}
	case indicateSerialNumber:
		r.find(listSerials, text)
	case indicateMD5:
		r.hash(listMD5, text, 32)
	case indicateSHA1:
		r.hash(listSHA1, text, 40)
	case indicateSHA256:
		r.hash(listSHA256, text, 64)
	case indicateTraceID:
		r.find(listTraceIDs, text)
	default:
		r.aws(i, text)
	}
}

// isIP reports whether b is an address without a zone. Dotted quads, by far the
// most frequent, are read in place.
func isIP(b []byte) bool {
	if len(b) < 2 || len(b) > 45 {
		return false
	}
	part, digits, dots := 0, 0, 0
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9':
			if digits > 0 && part == 0 {
				return isIPv6(b) // in a dotted quad some read a leading zero as octal
			}
			part = part*10 + int(c-'0')
			digits++
			if part > 255 {
				return isIPv6(b)
			}
		case c == '.' && digits > 0 && dots < 3:
			part, digits = 0, 0
			dots++
		default:
			return isIPv6(b)
		}
	}
	return dots == 3 && digits > 0
}

func isIPv6(b []byte) bool {
	if bytes.IndexByte(b, ':') < 0 {
		return false
	}
	// The parser would copy its argument to the heap for an error that nobody
	// reads; b outlives the call.
	a, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(b), len(b)))
	return err == nil && a.Zone() == ""
}

// host notes a host name, which may be an address.
func (r *Row) host(text []byte) {
	if isIP(text) {
		r.find(listIPs, text)
		return
	}
	r.domain(text)
}

// domain notes a domain name, in the letters of its language.
func (r *Row) domain(text []byte) {
	if !bytes.HasPrefix(text, []byte("xn--")) {
		r.find(listDomains, text)
		return
	}
	start := len(r.scratch)
	r.scratch = appendUnicode(r.scratch, text)
	r.find(listDomains, r.scratch[start:])
}

// email notes an address and, as a user name, what stands before the @.
func (r *Row) email(text []byte) {
	if at := bytes.LastIndexByte(text, '@'); at >= 0 {
		r.find(listEmails, text)
		r.find(listUsernames, text[:at])
	}
}

// hash notes a hexadecimal hash of n digits, in lower case.
func (r *Row) hash(l list, text []byte, n int) {
	if len(text) != n {
		return
	}
	start := len(r.scratch)
	for _, c := range text {
		if c >= 'A' && c <= 'F' {
			c += 'a' - 'A'
		}
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			r.scratch = r.scratch[:start]
			return
		}
		r.scratch = append(r.scratch, c)
	}
	r.find(l, r.scratch[start:])
}

// urlHost returns the host of a URL, without user and port.
func urlHost(b []byte) []byte {
	i := bytes.Index(b, []byte("//"))
	if i < 0 || i > 0 && b[i-1] != ':' {
		return nil
	}
	for _, c := range b[:max(i-1, 0)] {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return nil
		}
	}
	b = b[i+2:]
	if i := bytes.IndexAny(b, "/?#"); i >= 0 {
		b = b[:i]
	}
	return addrHost(b[bytes.LastIndexByte(b, '@')+1:])
}

// addrHost returns the host of host:port, or b itself when there is no port.
func addrHost(b []byte) []byte {
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i > 0 {
			return b[1:i]
		}
		return b
	}
	if i := bytes.IndexByte(b, ':'); i >= 0 && i == bytes.LastIndexByte(b, ':') {
		return b[:i]
	}
	return b
}

// aws notes what Amazon's identifiers tell.
func (r *Row) aws(i indicator, text []byte) {
	switch i {
	case indicateARN:
		r.arn(text)
	case indicateARNOnly:
		if bytes.HasPrefix(text, []byte("arn:")) {
			r.find(listARNs, text)
		}
	case indicateAccountID:
		if isAccountID(text) {
			r.find(listAccountIDs, text)
		}
	case indicateInstanceID:
		if bytes.HasPrefix(text, []byte("i-")) {
			r.find(listInstanceIDs, text)
		}
	case indicateTag:
		r.find(listTags, text)
	}
}

// arn notes an ARN and what it is made of:
// arn:partition:service:region:account:resource.
func (r *Row) arn(text []byte) {
	if !bytes.HasPrefix(text, []byte("arn:")) {
		return
	}
	r.find(listARNs, text)
	resource := text
	var account, service []byte
	for part := range 5 {
		i := bytes.IndexByte(resource, ':')
		if i < 0 {
			return
		}
		switch part {
		case 2:
			service = resource[:i]
		case 4:
			account = resource[:i]
		}
		resource = resource[i+1:]
	}
	if isAccountID(account) {
		r.find(listAccountIDs, account)
	}
	if id, ok := bytes.CutPrefix(resource, []byte("instance/")); ok && bytes.HasPrefix(id, []byte("i-")) {
		r.find(listInstanceIDs, id)
	}
	if role, ok := bytes.CutPrefix(resource, []byte("assumed-role/")); ok && string(service) == "sts" {
		r.email(role[bytes.LastIndexByte(role, '/')+1:])
	}
}

func isAccountID(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) == 12
}

// lists turns the findings into the cells of the p_any_* lists: sorted, each
// value once. Indicators gets the values of all lists together.
func (r *Row) lists(s *Schema) {
	sortFindings(r.found, byList)
	for i, f := range r.found {
		rep := uint8(0)
		if i > 0 && r.found[i-1].list == f.list {
			if bytes.Equal(r.found[i-1].text, f.text) {
				continue
			}
			rep = 1
		}
		r.Cells = append(r.Cells, Cell{
			Bytes: f.text, Leaf: uint16(s.lists[f.list]), Kind: Bytes, Rep: rep, Def: listDef,
		})
	}
	sortFindings(r.found, byText)
	for i, f := range r.found {
		if i == 0 || !bytes.Equal(r.found[i-1].text, f.text) {
			r.Indicators = append(r.Indicators, f.text)
		}
	}
}

// sortFindings sorts in place. Most events have a handful of findings, where
// insertion beats the general sort.
func sortFindings(found []finding, compare func(a, b finding) int) {
	if len(found) > 12 {
		slices.SortFunc(found, compare)
		return
	}
	for i := 1; i < len(found); i++ {
		for j := i; j > 0 && compare(found[j], found[j-1]) < 0; j-- {
			found[j], found[j-1] = found[j-1], found[j]
		}
	}
}

func byList(a, b finding) int {
	if a.list != b.list {
		return int(a.list) - int(b.list)
	}
	return bytes.Compare(a.text, b.text)
}

func byText(a, b finding) int { return bytes.Compare(a.text, b.text) }
