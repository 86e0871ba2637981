"""So many deployments of one service, one behind the other, as fast as they are taken. Prints how many were."""
import http.client
import json
import sys

address, token, path, source, count = sys.argv[1:6]
connection = http.client.HTTPConnection(address, timeout=60)
taken = 0
for number in range(int(count)):
    body = json.dumps({'source': source, 'message': str(number)})
    connection.request('POST', path, body, {'Authorization': f'Bearer {token}', 'Content-Type': 'application/json'})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 202:
        sys.exit(f'{answer.status} {text.decode()} after {taken}')
    taken += 1
print(taken)
