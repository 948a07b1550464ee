-- A note for people on a client.
alter table client add column comment text not null default '';
