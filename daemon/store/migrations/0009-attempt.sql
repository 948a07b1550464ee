-- A number is given again when a failover lost the job that had it: what tells the two apart. Empty for jobs of
-- versions that had none; so are their units and results.
alter table job add column attempt text not null default '';
