-- SPDX-License-Identifier: MIT
pragma journal_mode = delete;
create table sale(id integer primary key, day int, shop text, sum real, note text);
begin;
with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000)
insert into sale select i, i * 7919 % 365, 'shop ' || (i * 31 % 97), (i * 6151 % 100003) / 7.0, hex(i * 2654435761 % 4294967296) || '-' || i from n;
commit;
create index by_shop on sale(shop, day);
create index by_note on sale(note);
select count(*), sum(sum), min(note), max(note) from sale;
select shop, count(*), round(avg(sum), 6) from sale where day between 100 and 200 group by shop order by 3 desc limit 5;
select count(*) from sale a join sale b on a.shop = b.shop and a.day = b.day and a.id < b.id;
select count(*), total(length(note)) from sale where note like '%77%' or note glob '3*9';
with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
select sum((select id from sale where note >= hex(i * 40503 % 65536) order by note limit 1)) from n;
update sale set sum = sum * 1.1, day = (day + 1) % 365 where id % 3 = 0;
delete from sale where shop = 'shop 13';
select count(*), round(sum(sum), 4), sum(day) from sale;
select s, n from (select substr(note, 1, 2) as s, count(*) as n from sale group by 1) where n > 400 order by n desc, s limit 10;
vacuum;
pragma integrity_check;
