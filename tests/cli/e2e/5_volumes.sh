# Sourced by tests/cli/run.

part_volumes() {
  try 0 gantry service create keeper --image gantry-test/web:1
  try 0 gantry service create other --image gantry-test/web:1
  try 0 gantry volume; out '^VOLUME +ID +SERVICE'
  try 2 gantry volume add; err '.-mount-path'
  try 1 gantry volume add data -m data -s keeper; err 'absolute path'
  try 1 gantry volume add data -m / -s keeper; err 'hide the whole image'
  try 2 gantry volume add data -m /data --size big -s keeper; err 'no size'
  try 0 gantry volume add data -m /data --size 10Gi -s keeper; out '^created volume data, mounted at /data in keeper'
  try 1 gantry volume add data; err 'another volume of the environment has this name'
  try 1 gantry volume add more -m /data -s keeper; err 'another volume of the service is mounted there'
  try 0 gantry volume list --json; json 'map(.name) == ["data"] and .[0].size_bytes == 10737418240 and .[0].made == false'
  try 0 gantry deploy -s keeper; try 0 gantry volume; out '^data +vol_[0-9a-z]+ +keeper +/data '
  try 1 gantry scale 2 -s keeper; err 'only one replica'
  echo "kept for ever" >note.txt
  try 0 gantry volume put data note.txt; out '^wrote /note.txt of data'
  try 1 gantry volume put data note.txt /nowhere/note.txt; err 'there is no /nowhere'
  try 1 gantry volume put data nowhere.txt; err 'cannot open nowhere.txt'
  try 0 gantry volume files data; out '^0644 +14 B .* note.txt +file$'
  try 0 gantry volume files data / --json; json 'map(.name) == ["note.txt"]'
  try 0 gantry volume get data /note.txt -; out '^kept for ever$'
  try 0 gantry volume get data note.txt copy.txt --json; json '.file == "copy.txt" and .size == 14'
  try 0 cmp note.txt copy.txt
  try 1 gantry volume get data /nothing.txt; err 'there is no /nothing.txt'
  try 1 test -e nothing.txt.part
  rm -f note.txt copy.txt
  try 2 gantry volume move data; err '.-to SERVICE'
  try 1 gantry volume move data --to nobody; err 'no service "nobody"'
  try 0 gantry volume move data --to other; out '^data is mounted at /data in other'
  try 0 gantry volume detach data --json; json '.service == null and .mount_path == "/data"'
  try 0 gantry volume attach data -s keeper; out '^data is mounted at /data in keeper'
  try 0 gantry volume resize data 20Gi --json; json '.size_bytes == 21474836480'
  try 0 gantry volume rename data files; out '^data is called files$'
  try 1 gantry volume detach data; err 'no volume "data"'
  try 1 gantry volume delete files; err '.-y'
  try 0 gantry volume delete files -y; out 'gantry volume restore vol_'
  try 0 gantry volume list --deleted --json; json 'map(.name) == ["files"] and .[0].purge_at != null'
  try 0 gantry volume restore files; out '^restored volume files in production'
  try 0 gantry volume get files note.txt -; out '^kept for ever$'
  try 0 gantry volume attach --volume files -m /again -s keeper --json; json '.mount_path == "/again"'
  try 0 gantry service delete keeper -y
  try 0 gantry volume list --all --json; json 'map(select(.name == "files" and .deleted_at != null)) | length == 1'
  try 0 gantry volume restore "$(jq -r '.[0].id' <<<"$OUT")" --json; json '.name == "files" and .service == null'
  try 0 gantry volume rm files -y
  try 0 gantry service delete other -y
}
