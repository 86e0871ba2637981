-- A request every 10 ms on each connection, whatever the answers take.
function delay()
  return 10
end
