"""Archives that nobody should send: one file each into the folder that is named, and a table of what has to be said."""
import gzip
import io
import os
import random
import sys
import tarfile

FOLDER = sys.argv[1]
VICTIM = sys.argv[2]  # a file outside, which nothing may touch


def entry(name, kind=tarfile.REGTYPE, data=b'', link=''):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    info.devmajor, info.devminor = 1, 3
    return info, data


def tar(*entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.GNU_FORMAT) as archive:
        for info, data in (entry('Dockerfile', data=b'FROM gantry-test/web:1\n'), *entries):
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def packed(*entries):
    return gzip.compress(tar(*entries), mtime=0)


def zeros(megabytes, files=1):
    """So many files of zeros, without holding them."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode='wb', mtime=0) as stream:
        with tarfile.open(fileobj=stream, mode='w|', format=tarfile.GNU_FORMAT) as archive:
            for number in range(files):
                info = tarfile.TarInfo(f'zeros{number}')
                info.size = megabytes << 20
                archive.addfile(info, open('/dev/zero', 'rb'))
    return out.getvalue()


def many(count):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode='wb', compresslevel=1, mtime=0) as stream:
        with tarfile.open(fileobj=stream, mode='w|', format=tarfile.GNU_FORMAT) as archive:
            for number in range(count):
                archive.addfile(tarfile.TarInfo(f'{number:x}'))
    return out.getvalue()


S, H = tarfile.SYMTYPE, tarfile.LNKTYPE
OUTSIDE = os.path.dirname(VICTIM)
UP = '../' * 12 + VICTIM[1:]
NOISE = random.Random(1).randbytes(300_000)
CASES = {
    'absolute': (packed(entry(VICTIM, data=b'x')), 'is an absolute path'),
    'traversal': (packed(entry(UP, data=b'x')), 'leads out of the archive with'),
    'traversal-inside': (packed(entry('a/../../x', data=b'x')), 'leads out of the archive with'),
    'symlink-absolute': (packed(entry('l', S, link=OUTSIDE), entry('l/victim', data=b'x')), 'is a symbolic link to'),
    'symlink-up': (packed(entry('l', S, link='../' * 12)), 'outside of the source'),
    'symlink-chain': (packed(entry('a/b/s', S, link='../..'), entry('a/b/t', S, link='s/../../..')), 'by way of another one'),
    'hardlink-absolute': (packed(entry('h', H, link=VICTIM)), 'h is a hard link to'),
    'hardlink-up': (packed(entry('h', H, link=UP)), 'h is a hard link to'),
    'hardlink-by-symlink': (packed(entry('l', S, link='x'), entry('h', H, link='l')), 'which is no file'),
    'device': (packed(entry('null', tarfile.CHRTYPE)), 'null is a device'),
    'block-device': (packed(entry('sda', tarfile.BLKTYPE)), 'sda is a device'),
    'pipe': (packed(entry('pipe', tarfile.FIFOTYPE)), 'pipe is a named pipe'),
    'bomb-ratio': (zeros(1024), 'unpacks to more than 200 times its size'),
    'bomb-size': (gzip.compress(tar() + b''), ''),  # replaced below
    'bomb-count': (many(200_001), 'more than 200000 files'),
    'no-tar': (b'PK\x03\x04 a zip', 'upload a tar packed with gzip'),
    'empty': (b'', 'the archive is empty'),
    'cut-tar': (gzip.compress(tar(entry('server.js', data=NOISE))[:100_000], mtime=0), 'ends in the middle of server.js'),
    'cut-gzip': (packed(entry('server.js', data=NOISE))[:100_000], 'ends in the middle of server.js'),
    'wrong-type': (packed(entry('railway.json', data=b'{\n  "deploy": {"numReplicas": "many"}\n}')),
                   'railway.json:2:29: deploy.numReplicas: '),
}
# A header that promises eight gibibytes.
huge = tarfile.TarInfo('huge')
huge.size = 8 << 30
CASES['bomb-size'] = (gzip.compress(tar()[:1024] + huge.tobuf(tarfile.GNU_FORMAT) + b'x' * 512, mtime=0), 'with huge it unpacks')

for name, (data, said) in CASES.items():
    with open(f'{FOLDER}/{name}', 'wb') as file:
        file.write(data)
    print(f'{name}\t{said}')
