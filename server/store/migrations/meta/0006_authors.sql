-- Who made a version, and when that was, as the object's managed fields say.
alter table object_versions add column manager text;
alter table object_versions add column changed integer;
