package query

import (
	"strings"
	"testing"
)

// legal are statements as analysts write them, each with what its last row must
// contain.
var legal = []struct{ sql, want string }{
	{"select count(*) as n from mongodb_audit", `{"n":40}`},
	{"SELECT count(*) n FROM events", `{"n":45}`},
	{"select count(*) n from main.mongodb_audit", `{"n":40}`},
	{"select count(*) n from memory.main.MongoDB_Audit", `{"n":40}`},
	{"from mongodb_audit select count(*) n", `{"n":40}`},
	{"from rapid7_auditlog", ""},
	{"table rapid7_auditlog", ""},
	{"select atype, count(*) n from mongodb_audit group by atype order by n desc, atype limit 1", `"n":14`},
	{"select atype, count(*) n from mongodb_audit group by all order by all", `dropCollection`},
	{"select distinct atype from mongodb_audit order by 1", `dropCollection`},
	{"select distinct on (atype) atype, ts from mongodb_audit order by atype, ts", `dropCollection`},
	{"select * exclude (p_raw_bytes) from mongodb_audit order by ts limit 1", `line 0`},
	{"select * replace (upper(atype) as atype) from mongodb_audit order by ts limit 1", `AUTHENTICATE`},
	{"select * rename (atype as kind) from mongodb_audit order by ts limit 1", `"kind"`},
	{"select columns('^p_event') from mongodb_audit limit 1", `p_event_time`},
	{"select columns(c -> c like 'p_raw') from mongodb_audit order by ts limit 1", `line 0`},
	{"select t.* from mongodb_audit as t limit 1", `MongoDB.Audit`},
	{"select users[1].user as u from mongodb_audit limit 1", `{"u":"anna"}`},
	{"select remote.ip as ip from mongodb_audit order by ts limit 1", `{"ip":"10.0.0.0"}`},
	{"select remote['ip'] as ip from mongodb_audit order by ts limit 1", `10.0.0.0`},
	{"select param->>'user' as u from mongodb_audit where param is not null limit 1", `{"u":"anna"}`},
	{"select param->>'$.n' as n from mongodb_audit where param->>'$.n' = '4' limit 1", `{"n":"4"}`},
	{"select param->'n' as n from mongodb_audit where ts = '2025-10-10 10:04:00'", `{"n":4}`},
	{"select json_extract_string(param, '$.user') u, json_type(param) t from mongodb_audit where param is not null limit 1", `OBJECT`},
	{"select key, value from mongodb_audit, json_each(param) where ts = '2025-10-10 10:04:00' order by key", `user`},
	{"select u.user as u from mongodb_audit, unnest(users) as t(u) where ts = '2025-10-10 10:04:00' order by 1", `bo4`},
	{"select unnest(users, recursive := true) from mongodb_audit limit 1", `admin`},
	{"select u from (select unnest(p_any_usernames) as u from mongodb_audit) group by u having count(*) > 20", `anna`},
	{"select [x.user for x in users if x.db = 'test'] as l from mongodb_audit order by ts limit 1", `["bo0"]`},
	{"select list_transform(users, lambda x: x.user) as l from mongodb_audit order by ts limit 1", `["anna","bo0"]`},
	{"select list_filter([1, 2, 3], x -> x > 1) as l", `[2,3]`},
	{"select list_reduce([1, 2, 3], lambda a, b: a + b) as n", `6`},
	{"select count(*) n from mongodb_audit where list_contains(p_any_usernames, 'anna')", `40`},
	{"select count(*) n from mongodb_audit where 'anna' in p_any_usernames", `40`},
	{"select count(*) n from mongodb_audit where 'anna' = any(p_any_usernames)", `40`},
	{"select users[1:1] l, p_any_usernames[-1] b, len(users) n from mongodb_audit order by ts limit 1", `"b":"bo0"`},
	{"select date_trunc('hour', ts) h, count(*) n from mongodb_audit group by h order by h", `T11:00:00Z`},
	{"select time_bucket(interval '15 minutes', ts) b, count(*) n from mongodb_audit group by 1 order by 1", `T11:15:00Z`},
	{"select count(*) n from mongodb_audit where ts >= timestamp '2025-10-10 11:00:00' and ts < timestamp '2025-10-10 11:00:00' + interval 10 minutes", `10`},
	{"select count(*) n from mongodb_audit where ts between '2025-10-10 10:00:00' and '2025-10-10 10:04:00'", `5`},
	{"select count(*) n from mongodb_audit where ts > now() - interval '1 day' * 100000", `40`},
	{"select extract(hour from ts) h, date_part('minute', ts) m, dayname(ts) d, strftime(ts, '%H:%M') s from mongodb_audit order by ts limit 1", `Friday`},
	{"select date_diff('minute', min(ts), max(ts)) n, epoch_ms(min(ts)) ms from mongodb_audit", `79`},
	{"select ts at time zone 'Europe/Berlin' t from mongodb_audit order by ts limit 1", `2025-10-10T08:00:00Z`},
	{"select timezone('America/New_York', ts::timestamptz) t from mongodb_audit order by ts limit 1", `06:00:00`},
	{"select strptime('10/Oct/2025', '%d/%b/%Y') t, try_strptime('x', '%d') u, make_date(2025, 1, 2) d, to_timestamp(0) e", `1970`},
	{"select age(timestamp '2025-02-01', timestamp '2025-01-01') a, interval 3 days i, last_day(date '2025-02-01') l", `1 month`},
	{"select current_date is not null a, current_timestamp is not null b, today() is not null c", `true`},
	{"with a as (select * from mongodb_audit), b as (select * from a where result = 1) select count(*) n from b", `20`},
	{"with recursive r(n) as (select 1 union all select n + 1 from r where n < 10) select sum(n) n from r", `55`},
	{"with a as materialized (select 1 x) select * from a union all select 2 order by x", `2`},
	{"with mongodb_audit as (select 7 as x) select * from mongodb_audit", `7`},
	{"select row_number() over (partition by atype order by ts) n from mongodb_audit order by n desc limit 1", `14`},
	{"select sum(result) over (order by ts rows between 2 preceding and current row exclude current row) s from mongodb_audit order by ts desc limit 1", `1`},
	{"select lag(atype, 1, 'x') over w a, first_value(atype ignore nulls) over w f from mongodb_audit window w as (order by ts) limit 1", `x`},
	{"select atype, ts from mongodb_audit qualify row_number() over (partition by atype order by ts desc) = 1 order by atype", `dropCollection`},
	{"select atype, rank() over (order by count(*) desc) r, ntile(2) over (order by atype) from mongodb_audit group by atype order by atype", `dropCollection`},
	{"select count(*) filter (where result = 1) bad, count(distinct atype) kinds from mongodb_audit", `"kinds":3`},
	{"select string_agg(distinct atype, ',' order by atype) s, list(atype order by ts)[1] l, any_value(atype) is not null a from mongodb_audit", `authenticate,`},
	{"select percentile_cont(0.5) within group (order by result) p, quantile_cont(result, 0.5) q, median(result) m from mongodb_audit", `0.5`},
	{"select arg_max(atype, ts) a, max_by(atype, ts) b, min(ts) c, approx_count_distinct(atype) d, mode(atype) m, histogram(result) h from mongodb_audit", `authenticate`},
	{"select stddev(result), var_pop(result), corr(result, 1 - result) c, bool_or(result = 1) from mongodb_audit", `-1`},
	{"select atype, result, count(*) n from mongodb_audit group by rollup (atype, result) order by n desc limit 1", `40`},
	{"select atype, result, grouping(atype) g, count(*) from mongodb_audit group by grouping sets ((atype), (result), ()) order by g desc limit 1", `"g":1`},
	{"select a.atype from mongodb_audit a join mongodb_audit b using (ts) where a.result = b.result limit 1", `atype`},
	{"select count(*) n from mongodb_audit a left join mongodb_organizationevent o on a.p_event_time = o.p_event_time", `40`},
	{"select count(*) n from mongodb_audit a semi join mongodb_organizationevent o on a.p_event_time = o.p_event_time", `5`},
	{"select count(*) n from mongodb_audit a anti join mongodb_organizationevent o using (p_event_time)", `35`},
	{"select count(*) n from mongodb_audit a asof join mongodb_organizationevent o on a.p_event_time >= o.p_event_time", `40`},
	{"select count(*) n from mongodb_audit a, lateral (select a.result + 1 as x) l where l.x = 2", `20`},
	{"select count(*) n from mongodb_audit where ts in (select max(ts) from mongodb_audit) or exists (select 1 from events where false)", `1`},
	{"select (select max(result) from mongodb_audit) m, array(select 1 union all select 1) a", `[1,1]`},
	{"select p_log_type, count(*) n from events group by 1 order by 2", `MongoDB.Audit`},
	{"select atype from mongodb_audit union select 'z' except select 'authenticate' intersect select 'authenticate' order by 1", `z`},
	{"select 1 as a union all by name select 2 as b", `"b":2`},
	{"select case when result = 1 then 'bad' else 'good' end k, coalesce(null, 1) c, nullif(1, 1) n, ifnull(null, 2) i, if(true, 3, 4) f from mongodb_audit order by ts limit 1", `"i":2`},
	{"select upper(atype) u, lower('X'), trim(' x '), ltrim('x'), substring('abc', 2), left('abc', 1), replace('a', 'a', 'b'), split_part('a.b', '.', 2), concat('a', 1), 'a' || 'b', format('{}', 1), printf('%d', 1), lpad('1', 3, '0') z from mongodb_audit limit 1", `"z":"001"`},
	{"select regexp_matches('abc', 'b') a, regexp_extract('a1', '[0-9]') b, regexp_replace('a', 'a', 'b') c, 'abc' ~ 'a.c' d, 'abc' like 'a%' e, 'ABC' ilike 'a%' f, 'abc' similar to 'a.c' g, 'abc' glob 'a*' h, 'abc' not like 'x' i", `"i":true`},
	{"select starts_with('abc', 'a') a, contains('abc', 'b') b, position('b' in 'abc') c, 'abc'[1:2] e", `"e":"ab"`},
	{"select md5('a') a, sha256('a') b, hash('a') is not null c, hex('a') d, base64(encode('a')) e, decode(unhex('61')) f, from_base64('YQ==') g", `"f":"a"`},
	{"select uuid() is not null a, '00000000-0000-0000-0000-000000000001'::uuid b, typeof(1) c, version() is not null d", `INTEGER`},
	{"select 1::bigint a, try_cast('x' as int) b, cast('1' as decimal(10, 2)) c, '{}'::json d, [1]::varchar[] e, {'a': 1}::struct(a varchar) f, 'a'::enum('a', 'b') g, map {'a': 1}::map(varchar, int) h, 1::union(n int, s varchar) i, '1 day'::interval j", `"c":1.00`},
	{"select abs(-1) a, round(1.234, 2) b, floor(1.5), ceil(1.5), 7 // 2 c, 7 % 4, 2 ** 3, pow(2, 3), sqrt(4), ln(1), log10(10), greatest(1, 2), least(1, 2), 5 & 1, 5 | 2, 1 << 2, ~1, xor(1, 2), random() < 1", `"c":3`},
	{"select {'a': 1, 'b': [1, 2]} s, struct_pack(a := 1) p, row(1, 2) r, map {'k': 'v'} m, map_keys(map {'k': 1}) k, struct_extract({'a': 1}, 'a') e", `"r":[1,2]`},
	{"select to_json({'a': 1}) j, json_object('a', 1) o, json_array(1, 2) a, json_group_array(atype) is not null g, json_keys('{\"a\":1}') k from mongodb_audit", `{"a":1}`},
	{"select * from range(3)", `2`},
	{"select * from generate_series(1, 3) as g(n) where n > 2", `3`},
	{"select * from (values (1, 'a'), (2, 'b')) v(n, s)", `"s":"b"`},
	{"values (1, 2)", `1`},
	{"select count(*) <= 40 ok from mongodb_audit using sample 50%", `true`},
	{"select count(*) n from mongodb_audit tablesample reservoir(10 rows) repeatable (42)", `10`},
	{"select * from (select atype, result from mongodb_audit) pivot (count(*) for result in (0, 1)) order by atype", `dropCollection`},
	{"select * from (select 1 as a, 2 as b) unpivot (v for n in (a, b)) order by n", `"v":2`},
	{"select atype from mongodb_audit order by atype collate nocase desc nulls last limit 2 offset 1", `dropCollection`},
	{"select atype from mongodb_audit limit 10%", `atype`},
	{"select try(1 / 0) a, (1, 2) = (1, 2) b, 1 is distinct from 2 c, not false d", `true`},
	{"describe mongodb_audit", `price`},
	{"summarize select result from mongodb_audit", `result`},
	{"show tables", `rapid7_auditlog`},
	{"select id, label, seen, raw, tags, doc, ok from margay_sources where id is not null", `{"id":9007199254740993,"label":"prod 'mongod'","seen":"2025-10-10T10:00:00.500Z","raw":"AP8=","tags":["a","b,c"],"doc":{"n":1},"ok":true}`},
	{"select * from margay_sources where id is null", `{"id":null,"label":null,"seen":null,"raw":null,"tags":null,"doc":null,"ok":null}`},
	{"select s.label from margay_sources s, mongodb_audit limit 1 -- a comment", `label`},
	{"select 'it''s; fine' as s /* ; */ ;", `it's; fine`},
	{"select e'a\\nb' s, $$dollar$$ d, '\\x61'::blob b, 1_000 n, .5 h, 1e3 e, 15 x", `"n":1000`},
	{"select upper(x) from (select 'a') t(x), unnest([1]) with ordinality", `A`},
	{"select ('a').upper() u, atype.lower() l from mongodb_audit limit 1", `"u":"A"`},
	{"select #1 from (select atype from mongodb_audit order by 1) limit 1", `authenticate`},
	{"select max(p_event_time) from mongodb_audit", `2025-10-10T11:19:00Z`},
	{"select big, price from mongodb_audit order by ts desc limit 1", `{"big":190000000000000000000,"price":2.375}`},
}

func TestLegal(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	before := f.snapshot(t)
	for _, c := range legal {
		out, _, err := f.ask(t.Context(), WorkerCommand, f.request(c.sql))
		if err != nil {
			t.Errorf("%s\n\t%v", c.sql, err)
			continue
		}
		lines := strings.Split(strings.TrimRight(out, "\n"), "\n")
		last := lines[len(lines)-1]
		if c.want == "" && out != "" || !strings.Contains(last, c.want) {
			t.Errorf("%s\n\tlast row %s\n\twant in it %s", c.sql, last, c.want)
		}
	}
	for name, b := range f.snapshot(t) {
		if before[name] != b {
			t.Errorf("file %s is new or changed", name)
		}
	}
}
